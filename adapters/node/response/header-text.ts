/**
 * The value of a native header as Node sends it: `String(value)` of everything but a list, and an empty list
 * not at all.
 */
export function headerText(value: unknown): string | readonly string[] | undefined {
  if (typeof value === 'string' || value === undefined) return value;
  if (!Array.isArray(value)) return String(value);
  if (value.length === 0) return undefined;
  return value.every(isString) ? value : value.map(String);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

/** The lines of native headers, as Node sends them. */
export function* textLines(
  names: readonly string[],
  read: (name: string) => unknown,
): Generator<readonly [name: string, value: string | readonly string[]]> {
  for (const name of names) {
    const value = headerText(read(name));
    if (value !== undefined) yield [name, value];
  }
}
