const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, each => entities[each] as string);
}

/** Writes data as JSON that cannot end its `<script>` element. */
export function scriptJson(data: unknown): string {
  return JSON.stringify(data).replace(
    /[&<>\u2028\u2029]/g,
    each => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Whether `JSON.stringify` keeps all of a value: a function or a date would be lost or changed. */
export function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value);
  } catch {
    return false;
  }
  return isKept(value);
}

function isKept(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return false;
  return Array.isArray(value) ? value.every(isKept) : isPlain(value) && Object.values(value).every(isKept);
}

/** Whether a value is an object literal, also one of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
