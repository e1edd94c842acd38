import type { NamedParameters } from '../dependencies/parameter.js';
import { misuse } from '../errors.js';
import { isToken } from '../http/field-syntax.js';
import { type Compiled, compile, type Property } from './compiled.js';
import type { DeclaredParameter } from './declared-parameter.js';
import { headerName, nameOfParameter } from './names.js';
import type { Owner } from './validate.js';

/** A property of a model, with its name in the request. */
export interface NamedProperty extends Property {
  readonly name: string;
}

/** A parameter, prepared once so that requests only read it. */
export interface Bound extends Owner {
  /** The endpoint, dependency or layer that declares it, named in errors. */
  readonly owner: string;
  readonly key: string;
  readonly parameter: DeclaredParameter;
  readonly compiled: Compiled;
  readonly isList: boolean;
  /** Set for a model, which receives everything in its place. */
  readonly properties: readonly NamedProperty[] | undefined;
}

/** Prepares parameters in the order of their declaration. Throws `HEADER_NAME` and `PARAM_MODEL`. */
export function bindAll(parameters: NamedParameters, owner: string): readonly Bound[] {
  const each = parameters as readonly (readonly [string, DeclaredParameter])[];
  return each.map(([key, parameter]) => {
    const compiled = compile(parameter.schema);
    if (compiled.model && isReadByProperties(parameter)) refuseOthers(key, parameter, each, owner);
    return bound(key, parameter, compiled, owner);
  });
}

/** Path parameters cannot be models, and a JSON body needs no lookup by property. */
function isReadByProperties({ place }: DeclaredParameter): boolean {
  return place === 'query' || place === 'header' || place === 'cookie' || place === 'form';
}

/** Throws `PARAM_MODEL` for parameters beside a model, which already reads everything in its place. */
function refuseOthers(
  key: string,
  { place, title }: DeclaredParameter,
  all: readonly (readonly [string, DeclaredParameter])[],
  owner: string,
): void {
  const kin = place === 'form' ? ['form', 'file'] : [place];
  const others = all.filter(([other, each]) => other !== key && kin.includes(each.place));
  if (others.length > 0)
    throw misuse('PARAM_MODEL', owner, title, key, others.map(([other]) => other).join(', '));
}

function bound(key: string, parameter: DeclaredParameter, compiled: Compiled, owner: string): Bound {
  const { place, title, options } = parameter;
  const name = nameOfParameter(parameter, key);
  const isModel = compiled.model !== undefined && isReadByProperties(parameter);
  const isConverted = place === 'header' && (options.convertUnderscores ?? true);
  const properties = compiled.model?.properties.map(each => ({
    ...each,
    name: isConverted ? headerName(each.key) : each.key,
  }));
  if (place === 'header')
    for (const header of isModel && properties ? properties.map(each => each.name) : [name])
      if (!isToken(header)) throw misuse('HEADER_NAME', header);
  return {
    key,
    name,
    title,
    owner,
    parameter,
    compiled,
    isList: compiled.isList || options.multiple === true,
    properties: isModel ? properties : undefined,
  };
}
