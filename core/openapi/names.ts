/** `readItem` and `read_item` become `read_item`; `getHTTPStatus` becomes `get_http_status`. */
function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

/**
 * FastAPI's operation id, made of handler name, path and method, so that generated clients keep their names.
 * The handler's name is converted to snake case.
 */
export function operationIdOf(name: string, path: string, method: string): string {
  const words = `${snakeCase(name)}${path}`.replace(/[^\p{L}\p{N}_]/gu, '_');
  return `${name === '' ? words.replace(/^_+/, '') : words}_${method}`;
}

/** FastAPI's summary of an operation: `readItem` becomes `Read Item`. */
export function summaryOf(name: string): string | undefined {
  return name === '' ? undefined : titleOf(snakeCase(name));
}

/** `read_item` becomes `Read Item`. */
function titleOf(name: string): string {
  const words = name.split('_').filter(word => word !== '');
  return words.map(word => (word[0] ?? '').toUpperCase() + word.slice(1)).join(' ');
}
