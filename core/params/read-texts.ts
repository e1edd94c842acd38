import { misuse } from '../errors.js';
import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import type { Bound } from './bound.js';
import { type Found, type Received, type Settling, settle } from './settle.js';
import type { TextSource } from './text-source.js';

/** Reads and validates one parameter of the path, query, headers or cookies. */
export function readText(
  bound: Bound,
  source: TextSource,
  request: Request,
  to: Settling,
): Found | Promise<Found> {
  if (bound.properties) return settle(bound, receivedModel(bound, source, [bound.parameter.place]), to);
  const { place } = bound.parameter;
  const received = receivedText(bound, source, [place, bound.name]);
  if (received.value === undefined && place === 'path') refuseUnknown(bound, request);
  return settle(bound, received, to);
}

/** Returns the value of a parameter, or all its values if it is a list. */
export function receivedText(
  { name, isList, compiled, parameter }: Bound,
  source: TextSource,
  loc: Received['loc'],
): Received {
  const found = isList ? source.getAll(name) : source.get(name);
  const value = isNothing(found, parameter.place === 'form' || parameter.place === 'file')
    ? undefined
    : found;
  return { loc, value: value === undefined ? undefined : compiled.coerce(value), raw: () => value };
}

/** An empty form field counts as missing: the user did not fill it in. */
function isNothing(found: unknown, isForm: boolean): boolean {
  return found === undefined || (Array.isArray(found) && found.length === 0) || (isForm && found === '');
}

/** Returns everything in a place as an object for the schema. */
export function receivedModel(bound: Bound, source: TextSource, loc: Received['loc']): Received {
  const value = objectOf(bound, source, true);
  const isAbsent = 'default' in bound.parameter.options && Object.keys(value).length === 0;
  return { loc, value: isAbsent ? undefined : value, raw: () => objectOf(bound, source, false) };
}

/** Creates an object without a prototype, so that no name from the client means an inherited property. */
function objectOf(bound: Bound, source: TextSource, isCoerced: boolean): object {
  const found: Record<string, unknown> = Object.create(null);
  const { properties = [], compiled } = bound;
  const known = new Set<string>();
  for (const { key, name, isList, coerce } of properties) {
    known.add(name).add(key);
    const value = isList ? source.getAll(name) : source.get(name);
    if (!isNothing(value, false)) found[key] = isCoerced ? coerce(value) : value;
  }
  for (const name of source.names()) {
    if (known.has(name)) continue;
    const all = source.getAll(name);
    const value = all.length === 1 ? all[0] : all;
    found[name] = isCoerced ? (compiled.model?.coerceOther(value) ?? value) : value;
  }
  return found;
}

/**
 * Throws `PARAM_UNKNOWN` if the route has no such parameter. If the route has it, it is optional and was left
 * out.
 */
function refuseUnknown({ name, owner }: Bound, request: Request): void {
  const template = sourceOf(request).route?.toString();
  const names = namesIn(template);
  if (names.includes(name)) return;
  throw misuse('PARAM_UNKNOWN', owner, name, template, [
    ...new Set([...names, ...Object.keys(request.pathParams)]),
  ]);
}

function namesIn(route: string | undefined): string[] {
  return [...(route ?? '').matchAll(/[:*]"?([\p{ID_Start}$_][\p{ID_Continue}$]*)/gu)].map(
    ([, name = '']) => name,
  );
}
