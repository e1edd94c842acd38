import type { NamedParameters } from '../dependencies/parameter.js';
import { misuse } from '../errors.js';
import { compile } from './compiled.js';
import type { DeclaredParameter } from './declared-parameter.js';
import { nameOfParameter } from './names.js';

/** How the body is read, shared by all parameters of an endpoint and its dependencies. */
export interface BodyPlan {
  readonly isForm: boolean;
  /** Whether parameters are found by name; otherwise the only parameter is the whole body. */
  readonly isEmbedded: boolean;
}

/**
 * Decides how the body is read. Throws `PARAM_BODY` if some parameters need JSON and others a form, and
 * `PARAM_MODEL` if an object schema reads the whole form but is not its only parameter.
 */
export function planBody(parameters: NamedParameters, owner: string): BodyPlan {
  const all = (parameters as readonly (readonly [string, DeclaredParameter])[]).filter(isOfBody);
  const form = all.find(([, { place }]) => place !== 'body');
  const json = all.find(([, { place }]) => place === 'body');
  if (form && json) throw misuse('PARAM_BODY', owner, json[0], form[1].title, form[0]);
  // Several dependencies may declare the same parameter.
  const names = new Set(all.map(([key, parameter]) => nameOfParameter(parameter, key)));
  const [first] = all;
  if (!first) return { isForm: false, isEmbedded: false };
  if (names.size > 1) {
    refuseModels(all, owner);
    return { isForm: form !== undefined, isEmbedded: true };
  }
  const [, parameter] = first;
  const isFieldOfForm = parameter.place === 'file' || (parameter.place === 'form' && !isModel(parameter));
  return { isForm: form !== undefined, isEmbedded: isFieldOfForm || parameter.options.embed === true };
}

function isOfBody([, { place }]: readonly [string, DeclaredParameter]): boolean {
  return place === 'body' || place === 'form' || place === 'file';
}

function isModel({ schema }: DeclaredParameter): boolean {
  return compile(schema).model !== undefined;
}

function refuseModels(all: readonly (readonly [string, DeclaredParameter])[], owner: string): void {
  for (const [key, parameter] of all) {
    if (parameter.place !== 'form' || !isModel(parameter)) continue;
    const others = all.map(([other]) => other).filter(other => other !== key);
    throw misuse('PARAM_MODEL', owner, parameter.title, key, others.join(', '));
  }
}
