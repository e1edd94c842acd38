import { disposedIn } from '../dependencies/depends.js';
import { type Dependencies, type DependencyScope, nameOfMarker } from '../dependencies/marker.js';
import type { Middleware } from '../middleware/middleware.js';
import { optionsOf, optionsText } from '../middleware/options.js';

/** The parts of a layer, in the order they run. */
export interface LayerDescription {
  /** Outermost first. */
  readonly middleware: readonly string[];
  /** The options of each middleware that is built into callnext; secrets are omitted. */
  readonly options: readonly (Readonly<Record<string, unknown>> | undefined)[];
  readonly dependencies: readonly string[];
  /** The dependencies, nested ones included, with `dispose: true`. */
  readonly disposed: readonly string[];
  readonly exceptionHandlers: readonly string[];
  readonly defaultScope: DependencyScope;
  /** Whether `request.json()` only reads JSON content types. */
  readonly strictContentType: boolean;
  readonly lifespan: string | undefined;
  /** The description as text. */
  toString(): string;
}

/** The parts of a layer to describe. */
interface Described {
  readonly middlewares: readonly Middleware[];
  readonly names: readonly string[];
  readonly dependencies: Dependencies;
  readonly exceptionHandlers: readonly string[];
  readonly defaultScope: DependencyScope | undefined;
  readonly strictContentType: boolean | undefined;
  readonly lifespan: string | undefined;
}

/** Describes a layer as data and, with `String(…)`, as text. */
export function describe(layer: Described): LayerDescription {
  const { middlewares, names, dependencies, exceptionHandlers, lifespan } = layer;
  const description = {
    middleware: names,
    options: middlewares.map(optionsOf),
    dependencies: Object.entries(dependencies).map(([key, marker]) => nameOfMarker(marker, key)),
    disposed: disposedIn(dependencies),
    exceptionHandlers,
    defaultScope: layer.defaultScope ?? ('request' as const),
    strictContentType: layer.strictContentType ?? true,
    lifespan,
  };
  return Object.assign(Object.create({ toString: () => describeText(description) }), description);
}

function describeText(description: Omit<LayerDescription, 'toString'>): string {
  const lines = description.middleware.map((name, depth) => {
    const options = description.options[depth];
    return `${'  '.repeat(depth)}${name}${options ? optionsText(options) : ''}`;
  });
  if (description.lifespan !== undefined) lines.unshift(`lifespan: ${description.lifespan}`);
  const inner = '  '.repeat(description.middleware.length);
  if (description.dependencies.length > 0)
    lines.push(`${inner}dependencies: ${description.dependencies.join(', ')}`);
  if (description.disposed.length > 0) lines.push(`${inner}disposed: ${description.disposed.join(', ')}`);
  lines.push(`${inner}(routes)`);
  if (!description.strictContentType) lines.push('strictContentType: false');
  if (description.exceptionHandlers.length > 0)
    lines.push(`handlers: ${description.exceptionHandlers.join(', ')}`);
  return lines.join('\n');
}
