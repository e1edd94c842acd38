/**
 * What pydantic makes of a text, in its lax mode. What cannot be converted stays a text, so that the schema
 * refuses it.
 */
const integer = /^[+-]?\d+(?:_\d+)*(?:\.0+)?$/;
const number = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i;

/** A whole number that JavaScript can hold. */
export function integerOf(text: string): number | string {
  const trimmed = text.trim();
  if (!integer.test(trimmed)) return text;
  const value = Number(trimmed.replaceAll('_', ''));
  return Number.isSafeInteger(value) ? value : text;
}

export function numberOf(text: string): number | string {
  const trimmed = text.trim();
  if (!number.test(trimmed)) return text;
  const value = Number(trimmed.replaceAll('_', ''));
  return Number.isFinite(value) ? value : text;
}

const words: ReadonlyMap<string, boolean> = new Map([
  ...['true', 't', 'yes', 'y', 'on', '1'].map(word => [word, true] as const),
  ...['false', 'f', 'no', 'n', 'off', '0'].map(word => [word, false] as const),
]);

export function booleanOf(text: string): boolean | string {
  return words.get(text.toLowerCase()) ?? text;
}

/** Whether Python reads a text as `inf` or `nan`, which `numberOf` leaves as it is. */
export function isInfinite(text: string): boolean {
  const trimmed = text.trim();
  return /^[+-]?(?:inf(?:inity)?|nan)$/i.test(trimmed) || (number.test(trimmed) && numberOf(text) === text);
}

/** Whether a text is an integer that is only too large. */
export function isLargeInteger(text: string): boolean {
  return integer.test(text.trim()) && integerOf(text) === text;
}
