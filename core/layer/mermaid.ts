import { namesIn } from '../dependencies/depends.js';
import {
  type Dependencies,
  type DependencyScope,
  hasExit,
  partsOfDependency,
} from '../dependencies/marker.js';

/** The parts of a layer that its diagram shows. */
export interface Drawn {
  readonly middleware: readonly string[];
  readonly dependencies: Dependencies;
  readonly defaultScope: DependencyScope;
  readonly app: readonly string[];
  readonly lifespan: string | undefined;
  readonly exceptionHandlers: readonly string[];
}

interface Step {
  readonly id: string;
  /** The node in Mermaid's syntax, such as `sent(["response sent"])`. */
  readonly node: string;
}

/** Draws the order of a successful request as a Mermaid flowchart, with dotted lines for failures. */
export function mermaidOf(layer: Drawn): string {
  const steps = stepsOf(layer);
  const nodes = steps.map(({ node }) => node);
  const arrows = steps.slice(1).map(({ id }, index) => `${steps[index]?.id} --> ${id}`);
  const lines = [...lifeOf(layer), ...nodes, ...arrows, ...failuresOf(layer)];
  return ['flowchart TB', ...lines.map(line => `  ${line}`)].join('\n');
}

function stepsOf({ middleware, dependencies, defaultScope }: Drawn): Step[] {
  const entered = namesIn(dependencies, ({ scope }) => scope !== 'app');
  const exitsIn = (scope: DependencyScope): Step[] => {
    const names = exitingIn(dependencies, scope, defaultScope).reverse();
    // Routes may have dependencies of their own, which exit in the default scope.
    if (names.length === 0 && scope !== defaultScope) return [];
    const list = names.length === 0 ? '' : `: ${names.join(', ')}`;
    return [box(`exit_${scope}`, `exits of scope ${scope}${list}`)];
  };
  return [
    { id: 'request', node: 'request(["request"])' },
    ...middleware.map((name, depth) => box(`before${depth}`, `${name} before`)),
    ...entered.map((name, index) => box(`enter${index}`, `${name} enter`)),
    { id: 'routes', node: 'routes[["routes"]]' },
    ...exitsIn('function'),
    ...middleware.map((name, depth) => box(`after${depth}`, `${name} after`)).reverse(),
    { id: 'sent', node: 'sent(["response sent"])' },
    ...exitsIn('request'),
    box('tasks', 'background tasks'),
    ...exitsIn('background'),
  ];
}

/** The names of the dependencies that exit in a scope, in the order they are entered. */
function exitingIn(
  dependencies: Dependencies,
  wanted: DependencyScope,
  defaultScope: DependencyScope,
): string[] {
  return namesIn(
    dependencies,
    marker =>
      (marker.scope ?? defaultScope) === wanted &&
      hasExit(marker, partsOfDependency(marker.dependency).produce),
  );
}

/** What lives as long as the layer. */
function lifeOf({ app, lifespan }: Drawn): string[] {
  const nodes = app.map((name, index) => box(`app${index}`, name).node);
  if (lifespan !== undefined) nodes.push(box('lifespan', `lifespan: ${lifespan}`).node);
  if (nodes.length === 0) return [];
  return [
    'subgraph app["until layer.close()"]',
    ...nodes.map(node => `  ${node}`),
    'end',
    'app -.-> request',
  ];
}

/** A handler for `Error` or 500 answers outside all middleware; the others answer right at the failure. */
function failuresOf({ exceptionHandlers, middleware }: Drawn): string[] {
  const inner = exceptionHandlers.filter(name => name !== 'Error');
  const lines: string[] = [];
  if (inner.length > 0) {
    const next = middleware.length > 0 ? `after${middleware.length - 1}` : 'sent';
    const { node } = box('handlers', `exception handlers: ${inner.join(', ')}`);
    lines.push(`routes -. failure .-> ${node}`, `handlers -.-> ${next}`);
  }
  if (inner.length < exceptionHandlers.length) {
    const last = middleware.length > 0 ? 'after0' : 'routes';
    lines.push(`${last} -. failure .-> ${box('handler_error', 'exception handler: Error').node}`);
    lines.push('handler_error -.-> sent');
  }
  return lines;
}

function box(id: string, label: string): Step {
  return { id, node: `${id}["${escaped(label)}"]` };
}

/** Mermaid reads HTML, its own entities and, after a backtick, Markdown in quoted labels. */
function escaped(label: string): string {
  return label
    .replace(/\s+/g, ' ')
    .replace(/[#"<>&`\\]/g, character => `#${character.charCodeAt(0)};`)
    .replace(/^(\d+)\./, '$1#46;');
}
