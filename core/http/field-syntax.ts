const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const illegal = /[^\t\x20-\x7e\x80-\xff]/;

/** Whether a value is a token (RFC 9110, 5.6.2), such as a method or the name of a header or cookie. */
export function isToken(value: unknown): boolean {
  return typeof value === 'string' && token.test(value);
}

/** Whether a string is a valid header value (RFC 9110, 5.5). */
export function isFieldValue(value: string): boolean {
  return !illegal.test(value);
}
