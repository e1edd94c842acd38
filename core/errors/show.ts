import { adapterOf, isClass, isGeneratorFunction } from './kinds.js';

/** Describes a received value on one short line, without the content of user data. */
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
    if (adapter !== undefined) return `the handler made by \`${adapter}(…)\``;
    const kind = isClass(value) ? 'class' : isGeneratorFunction(value) ? 'generator function' : 'function';
    const name = nameOf(value, '');
    return name === '' ? `a ${kind} without a name` : `${kind} \`${name}\``;
  } catch {
    return 'a function';
  }
}

/** The class name of an object, for messages; `?` if it cannot be read. */
export function classOf(object: object): string {
  try {
    // A generator's constructor has no name.
    return String(object.constructor?.name || Object.prototype.toString.call(object).slice(8, -1));
  } catch {
    return '?';
  }
}

/** The name of a function, or `otherwise` if it has none. */
export function nameOf(value: object, otherwise: string): string {
  const name = 'name' in value ? value.name : undefined;
  // `new Function(…)` is named "anonymous".
  return typeof name === 'string' && name !== '' && name !== 'anonymous' ? name : otherwise;
}

/** Looked up by symbol, because this folder must not import the files that define these classes. */
const ownKinds: readonly (readonly [brand: symbol, shown: (value: object) => string])[] = [
  [Symbol.for('callnext.Depends'), value => `\`Depends(${nameOf(Reflect.get(value, 'dependency'), '…')})\``],
  [Symbol.for('callnext.Parameter'), value => `\`${String(Reflect.get(value, 'title'))}\``],
  [Symbol.for('callnext.dependency'), value => `\`dependency(…, ${nameOf(value, '…')})\``],
  [Symbol.for('callnext.Endpoint'), value => `the endpoint \`${nameOf(value, 'endpoint')}\``],
  [Symbol.for('callnext.Layer'), () => 'a Layer'],
  [Symbol.for('callnext.Task'), value => `the task \`${nameOf(value, '…')}\``],
];

/** Describes an object of callnext; `undefined` for any other object, or an unreadable one. */
function ownKindOf(value: object): string | undefined {
  try {
    return ownKinds.find(([brand]) => brand in value)?.[1](value);
  } catch {
    return undefined;
  }
}
