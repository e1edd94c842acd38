import { Depends, type DependsOptions } from '../dependencies/depends.js';
import type { Allowed, LivesAs, MayDispose, ValueOf } from '../dependencies/lifetimes.js';
import {
  type AnyDependency,
  type DeclaredDependency,
  type Injected,
  markerOf,
  type RequestScope,
} from '../dependencies/marker.js';
import { checkOption, noOptions } from '../options.js';

/** The options of `Depends`, and the scopes. */
export interface SecurityOptions<Scope = RequestScope | undefined, Dispose = boolean | undefined>
  extends DependsOptions<Scope, Dispose> {
  /** The OAuth2 scopes that the client needs. `SecurityScopes` lists them after those further out. */
  scopes?: readonly string[];
}

/**
 * `Depends` with OAuth2 scopes: `Security(getUser, { scopes: ['items:read'] })`. The dependency and those it
 * needs receive the scopes from `Depends(SecurityScopes)`.
 *
 * Throws `OPTION_VALUE`, and the errors of `Depends`. FastAPI's `Security`.
 */
export function Security<
  Produced,
  const Scope extends RequestScope | undefined = undefined,
  const Dispose extends MayDispose<Produced> | undefined = undefined,
>(
  dependency: (context: Injected) => Produced,
  options?: SecurityOptions<Scope, Dispose>,
): Depends<ValueOf<Produced>, LivesAs<Produced, 'background', NoInfer<Scope>, NoInfer<Dispose>>>;
export function Security<
  Produced,
  Needs extends RequestScope,
  const Scope extends (Allowed<Produced, Needs, Dispose> & RequestScope) | undefined = undefined,
  const Dispose extends MayDispose<Produced> | undefined = undefined,
>(
  dependency: DeclaredDependency<Produced, Needs, Injected>,
  options?: SecurityOptions<Scope, Dispose>,
): Depends<ValueOf<Produced>, LivesAs<Produced, Needs, NoInfer<Scope>, NoInfer<Dispose>>>;
export function Security(dependency: AnyDependency, options: SecurityOptions = noOptions): Depends<unknown> {
  const { scopes = [], ...rest } = options;
  checkOption('Security()', 'scope', rest.scope, '"function", "request" or "background"', livesInRequest);
  checkOption('Security()', 'scopes', scopes, 'a list of strings', areTexts);
  const { useCache, scope, dispose } = Depends(dependency as never, rest as never);
  return markerOf(dependency, useCache, scope, dispose, Object.freeze([...scopes]));
}

/** One value of scope `app` serves all requests, so it cannot depend on the scopes of one. */
function livesInRequest(scope: unknown): boolean {
  return scope !== 'app';
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(each => typeof each === 'string');
}
