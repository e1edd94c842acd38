// Converts strings as pydantic's lax mode does. Invalid ones stay strings, so that the schema refuses them.
const integer = /^[+-]?\d+(?:_\d+)*(?:\.0+)?$/;
const number = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i;

/** Converts whole numbers up to `Number.MAX_SAFE_INTEGER`. */
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

/** Whether Python converts a string to `inf` or `nan`, which `numberOf` leaves unchanged. */
export function isInfinite(text: string): boolean {
  const trimmed = text.trim();
  return /^[+-]?(?:inf(?:inity)?|nan)$/i.test(trimmed) || (number.test(trimmed) && numberOf(text) === text);
}

/** Whether a string is an integer that is too large to convert. */
export function isLargeInteger(text: string): boolean {
  return integer.test(text.trim()) && integerOf(text) === text;
}
