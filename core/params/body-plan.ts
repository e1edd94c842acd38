import type { NamedParameters } from '../dependencies/parameter.js';
import { misuse } from '../errors.js';
import { compile } from './compiled.js';
import type { DeclaredParameter } from './declared-parameter.js';
import { nameOfParameter } from './names.js';

/** How a body is read: all parameters of an endpoint and of its dependencies share it. */
export interface BodyPlan {
  readonly isForm: boolean;
  /** Whether each parameter is looked for by its name, rather than being the whole body. */
  readonly isEmbedded: boolean;
}

/** Throws `PARAM_BODY` where one wants JSON and another one a form, and `PARAM_MODEL`. */
export function planBody(parameters: NamedParameters, owner: string): BodyPlan {
  const all = (parameters as readonly (readonly [string, DeclaredParameter])[]).filter(isOfBody);
  const form = all.find(([, { place }]) => place !== 'body');
  const json = all.find(([, { place }]) => place === 'body');
  if (form && json) throw misuse('PARAM_BODY', owner, json[0], form[1].title, form[0]);
  // One that several dependencies declare is one.
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
