import { misuse } from '../errors.js';
import { isDependency } from './depends.js';
import type { AnyDependency } from './marker.js';

/** Throws `OVERRIDE` unless both are dependencies; a `Depends(…)` or a value is not. */
export function checkOverride(dependency: unknown, replacement: unknown): void {
  checkOverridden(dependency);
  if (!isDependency(replacement)) throw misuse('OVERRIDE', 'replacement', replacement);
}

function checkOverridden(dependency: unknown): void {
  if (!isDependency(dependency)) throw misuse('OVERRIDE', 'dependency', dependency);
}

/**
 * The overrides of a layer: a `Map` that rejects keys that no request would look up, and replacements that
 * are not dependencies.
 */
export class DependencyOverrides extends Map<AnyDependency, AnyDependency> {
  /** Throws `OVERRIDE`. */
  override set(dependency: AnyDependency, replacement: AnyDependency): this {
    checkOverridden(dependency);
    return super.set(dependency, replacement);
  }
}
