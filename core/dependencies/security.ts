import type { AnyDependency } from './marker.js';

/** By this symbol, so that two copies of the package understand each other. */
export const securityKey: unique symbol = Symbol.for('callnext.security') as never;

/** A security scheme for the OpenAPI document. */
export interface SecurityScheme {
  readonly schemeName: string;
  /** The security scheme object of OpenAPI. */
  readonly scheme: Readonly<Record<string, unknown>>;
}

/** The security scheme that a dependency carries, if any. */
export function schemeOf(dependency: AnyDependency): SecurityScheme | undefined {
  return (dependency as { readonly [securityKey]?: SecurityScheme })[securityKey];
}
