import { classOf } from '../errors/show.js';

/** A value that would not arrive as it was added. */
interface Fault {
  readonly what: string;
  /** From the innermost outwards. */
  readonly path: string[];
}

/**
 * Describes the first value that JSON would change or leave out, with its place; `undefined` for plain data.
 * With `isWritten`, an object counts as what its `toJSON` returns, because a schema reads it back.
 */
export function jsonFaultOf(args: unknown, isWritten: boolean): string | undefined {
  const fault = faultIn(args, { isWritten, around: new Set() });
  return fault && `contain ${fault.what} at \`args${fault.path.reverse().join('')}\``;
}

interface Walk {
  readonly isWritten: boolean;
  /** The objects that contain the current one. */
  readonly around: Set<object>;
}

function faultIn(value: unknown, walk: Walk): Fault | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : fault(`\`${value}\``);
  if (typeof value !== 'object') return fault(nameOfKind(value));
  if (walk.around.has(value)) return fault('an object that contains itself');
  walk.around.add(value);
  const found = faultInParts(value, walk);
  walk.around.delete(value);
  return found;
}

function fault(what: string): Fault {
  return { what, path: [] };
}

function nameOfKind(value: unknown): string {
  if (value === undefined) return '`undefined`';
  return typeof value === 'function' ? 'a function' : `a ${typeof value}`;
}

function faultInParts(value: object, walk: Walk): Fault | undefined {
  const isData = Array.isArray(value) || isPlain(value);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function' && walk.isWritten)
    return faultIn(Reflect.apply(toJSON, value, ['']), walk);
  if (!isData) return fault(`an instance of \`${classOf(value)}\``);
  if (typeof toJSON === 'function') return fault('an object with a method `toJSON`');
  return Array.isArray(value) ? faultInList(value, walk) : faultInObject(value, walk);
}

function faultInList(list: readonly unknown[], walk: Walk): Fault | undefined {
  for (let index = 0; index < list.length; index += 1) {
    const found = faultIn(list[index], walk);
    if (found) return within(found, `[${index}]`);
  }
  return undefined;
}

function faultInObject(object: object, walk: Walk): Fault | undefined {
  for (const key of Reflect.ownKeys(object)) {
    if (!Object.prototype.propertyIsEnumerable.call(object, key)) continue;
    if (typeof key === 'symbol') return fault('a key that is a symbol');
    const found = faultIn(Reflect.get(object, key), walk);
    if (found) return within(found, /^[a-z_$][\w$]*$/i.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);
  }
  return undefined;
}

function within(found: Fault, place: string): Fault {
  found.path.push(place);
  return found;
}

/** Also for an object of another realm, as in jest. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
