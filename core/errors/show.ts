import { adapterOf, isClass, isGeneratorFunction } from './kinds.js';

/** What a message says it received: short, on one line, never the content of user data. */
export function show(value: unknown): string {
  if (value === undefined) return '`undefined`';
  if (value === null) return '`null`';
  if (typeof value === 'function') return showFunction(value);
  if (typeof value === 'object') return ownKindOf(value) ?? `an object of class \`${classOf(value)}\``;
  return `${typeof value} \`${String(value).slice(0, 60)}\``;
}

function showFunction(value: object): string {
  try {
    const adapter = adapterOf(value);
    if (adapter !== undefined) return `the handler that \`${adapter}(…)\` has made`;
    const kind = isClass(value) ? 'class' : isGeneratorFunction(value) ? 'generator function' : 'function';
    const name = nameOf(value, '');
    return name === '' ? `a ${kind} without a name` : `${kind} \`${name}\``;
  } catch {
    return 'a function';
  }
}

/** The class of an object, for messages; `?` where it cannot be read. */
export function classOf(object: object): string {
  try {
    // A generator's constructor has no name.
    return String(object.constructor?.name || Object.prototype.toString.call(object).slice(8, -1));
  } catch {
    return '?';
  }
}

/** The name of a function; `otherwise` says where one without a name stands. */
export function nameOf(value: object, otherwise: string): string {
  const name = 'name' in value ? value.name : undefined;
  // That is what `new Function(…)` is called.
  return typeof name === 'string' && name !== '' && name !== 'anonymous' ? name : otherwise;
}

/** By their symbols, since this file stands before those that make them. */
const ownKinds: readonly (readonly [brand: symbol, shown: (value: object) => string])[] = [
  [Symbol.for('callnext.Depends'), value => `\`Depends(${nameOf(Reflect.get(value, 'dependency'), '…')})\``],
  [Symbol.for('callnext.Parameter'), value => `\`${String(Reflect.get(value, 'title'))}\``],
  [Symbol.for('callnext.dependency'), value => `\`dependency(…, ${nameOf(value, '…')})\``],
  [Symbol.for('callnext.Endpoint'), value => `the endpoint \`${nameOf(value, 'endpoint')}\``],
  [Symbol.for('callnext.Layer'), () => 'a Layer'],
];

/** What of callnext a value is; `undefined` for anything else, and for what cannot be read. */
function ownKindOf(value: object): string | undefined {
  try {
    return ownKinds.find(([brand]) => brand in value)?.[1](value);
  } catch {
    return undefined;
  }
}
