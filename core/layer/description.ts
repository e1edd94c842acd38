import { namesIn } from '../dependencies/depends.js';
import { type Dependencies, type DependencyScope, nameOfMarker } from '../dependencies/marker.js';
import type { LifespanContext } from '../lifecycle/lifespan.js';
import type { Middleware } from '../middleware/middleware.js';
import { optionsOf, optionsText } from '../middleware/options.js';
import { mermaidOf } from './mermaid.js';

/** The parts of a layer, in the order they run. */
export interface LayerDescription {
  /** Outermost first. */
  readonly middleware: readonly string[];
  /** The options of each middleware that is built into callnext; secrets are omitted. */
  readonly options: readonly (Readonly<Record<string, unknown>> | undefined)[];
  readonly dependencies: readonly string[];
  /** The dependencies, nested ones included, with `dispose: true`. */
  readonly disposed: readonly string[];
  /**
   * The dependencies of scope `app` that the lifespan and `dependencies` need, and those that requests have
   * entered.
   */
  readonly app: readonly string[];
  readonly exceptionHandlers: readonly string[];
  readonly defaultScope: DependencyScope;
  /** Whether `request.json()` only reads JSON content types. */
  readonly strictContentType: boolean;
  readonly lifespan: string | undefined;
  /** The name of its queue for durable tasks. */
  readonly taskQueue: string | undefined;
  /** The description as text. */
  toString(): string;
  /** The order of a request as the text of a Mermaid flowchart, for a README or a page. */
  toMermaid(): string;
}

/** The parts of a layer to describe. */
interface Described {
  readonly middlewares: readonly Middleware[];
  readonly names: readonly string[];
  readonly dependencies: Dependencies;
  readonly exceptionHandlers: readonly string[];
  readonly defaultScope: DependencyScope | undefined;
  readonly strictContentType: boolean | undefined;
  readonly lifespan: Pick<LifespanContext, 'name' | 'dependencies'> | undefined;
  readonly taskQueue: { readonly name: string } | undefined;
  /** The names of what has been entered in scope `app`. */
  readonly entered: readonly string[];
}

/** Describes a layer as data and, with `String(…)`, as text. */
export function describe(layer: Described): LayerDescription {
  const { middlewares, names, dependencies, exceptionHandlers, lifespan } = layer;
  const description = {
    middleware: names,
    options: middlewares.map(optionsOf),
    dependencies: Object.entries(dependencies).map(([key, marker]) => nameOfMarker(marker, key)),
    disposed: namesIn(dependencies, ({ dispose }) => dispose),
    app: appIn(layer),
    exceptionHandlers,
    defaultScope: layer.defaultScope ?? ('request' as const),
    strictContentType: layer.strictContentType ?? true,
    lifespan: lifespan?.name,
    taskQueue: layer.taskQueue?.name,
  };
  const methods = {
    toString: () => describeText(description),
    toMermaid: () => mermaidOf({ ...description, dependencies }),
  };
  return Object.assign(Object.create(methods), description);
}

function appIn({ lifespan, dependencies, entered }: Described): string[] {
  const declared = [lifespan?.dependencies ?? {}, dependencies];
  const known = declared.flatMap(each => namesIn(each, ({ scope }) => scope === 'app'));
  return [...new Set([...known, ...entered])];
}

function describeText(description: Omit<LayerDescription, 'toString' | 'toMermaid'>): string {
  const lines = description.middleware.map((name, depth) => {
    const options = description.options[depth];
    return `${'  '.repeat(depth)}${name}${options ? optionsText(options) : ''}`;
  });
  if (description.lifespan !== undefined) lines.unshift(`lifespan: ${description.lifespan}`);
  if (description.app.length > 0) lines.unshift(`app: ${description.app.join(', ')}`);
  const inner = '  '.repeat(description.middleware.length);
  if (description.dependencies.length > 0)
    lines.push(`${inner}dependencies: ${description.dependencies.join(', ')}`);
  if (description.disposed.length > 0) lines.push(`${inner}disposed: ${description.disposed.join(', ')}`);
  lines.push(`${inner}(routes)`);
  if (description.taskQueue !== undefined) lines.push(`taskQueue: ${description.taskQueue}`);
  if (!description.strictContentType) lines.push('strictContentType: false');
  if (description.exceptionHandlers.length > 0)
    lines.push(`handlers: ${description.exceptionHandlers.join(', ')}`);
  return lines.join('\n');
}
