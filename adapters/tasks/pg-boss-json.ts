/** A task whose JSON PostgreSQL could not store as `jsonb`. */
interface AsText {
  readonly v: 1;
  readonly task: string;
  readonly json: string;
}

/** The escapes of U+0000 and of half a surrogate pair, which `jsonb` refuses. */
const refused = /\\u(?:0000|d[89a-f])/;

/** The data of a row: as text inside it where `jsonb` could not hold it otherwise. */
export function toStored<T extends { readonly v: 1; readonly task: string }>(data: T): T | AsText {
  const json = JSON.stringify(data);
  return refused.test(json) ? { v: 1, task: data.task, json } : data;
}

export function fromStored(data: object): object {
  return 'json' in data && typeof data.json === 'string' ? JSON.parse(data.json) : data;
}

/** A text without the characters that `jsonb` refuses. A thrown error may hold anything in its place. */
export function storable(text: unknown): string {
  if (typeof text !== 'string') return '';
  return text.replaceAll('\0', '\ufffd').replace(/\p{Surrogate}/gu, '\ufffd');
}
