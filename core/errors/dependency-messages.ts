import { show } from './show.js';

/** The messages of dependencies and their scopes. */
export const dependencyMessages = {
  APP_OUTSIDE: (dependency: string) =>
    `\`${dependency}\` has the scope "app", but no layer is around the code that needs it, ` +
    'so it would never exit. Mount one: `app.use(toExpress(new Layer()))`, `app.use(toKoa(new Layer()))`.',
  APP_PARAMETER: (path: string, parameter: string) =>
    `\`${path}\`: a dependency of scope "app" cannot declare ${parameter}, because it has no request. ` +
    'Declare the parameter where a request needs it, or give the dependency another scope.',
  APP_REQUEST: (dependency: string, missing: string) =>
    `\`${dependency}\` has the scope "app" and read \`${missing}\`, but it belongs to no request and only ` +
    'receives `signal` and `state`. Declare dependencies of scope "app", or give it another scope.',
  DEPENDENCY_CYCLE: (path: string) => `The dependencies form a cycle: ${path}. Remove one of these links.`,
  DEPENDENCY_DISPOSE: (dependency: string, received: unknown) =>
    received === true
      ? `\`Depends(${dependency}, { dispose: true })\` received a generator, whose exit is the code after ` +
        'its `yield`. Dispose there, and omit `dispose`.'
      : `The option \`dispose\` of \`Depends(${dependency})\` must be a boolean, received ${show(received)}.`,
  DEPENDENCY_EXITED: (dependency: string) =>
    `\`inject()\` asked for \`${dependency}\`, which had already exited because the request failed. ` +
    'Inject it before the layer gets the error, or open one outside the request.',
  DEPENDENCY_NAME: (name: string, owner: string) =>
    `\`${owner}\` declares a dependency named \`${name}\`, which is the name of an injected object. ` +
    'Choose another name.',
  DEPENDENCY_SCOPE: (path: string, scope: string, needed: string) =>
    scope === 'app'
      ? `\`${path}\`: a dependency of scope "app" can only need others of that scope, ` +
        `received one of scope "${needed}". Write \`Depends(…, { scope: 'app' })\`, ` +
        `or give the outer one the scope "${needed}" too.`
      : `\`${path}\`: a dependency of scope "${scope}" cannot need one of scope "${needed}", which exits ` +
        `first. Give the outer one the scope "${needed}" too, or the inner one the scope "${scope}".`,
  INVALID_SCOPE: (received: unknown) =>
    received === 'app'
      ? 'The scope "app" cannot be the default. Name it at each dependency that lives as long as the app: ' +
        "`Depends(getPool, { scope: 'app' })`."
      : `A dependency scope is "function", "request", "background" or "app", received ${show(received)}.`,
} satisfies Record<string, (...details: never[]) => string>;
