// Writes the API pages from the published declarations with typedoc: one page per topic.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const words = text => text.trim().split(/\s+/);

/** What `callnext` exports, by topic: [page, title, names]. */
const topics = [
  [
    'layer',
    'Layer',
    words(`Layer LayerOptions LayerDescription Middleware CallNext Lifespan Undone ErrorReporter ErrorContext
      ErrorPhase`),
  ],
  [
    'dependencies',
    'Endpoint and dependencies',
    words(`endpoint Endpoint EndpointOptions ResponseClass OperationOptions ResponseDescription Depends
      DependsOptions dependency Named ValueOf AnyDependency AppContext Declared DeclaredDependency
      Dependencies DependencyScope Injected Parameter RequestScope Returned Solved`),
  ],
  [
    'background-tasks',
    'Background tasks',
    words('BackgroundTasks BackgroundTask BackgroundWork TaskCondition'),
  ],
  [
    'request',
    'Request',
    words(`Request RequestInit RequestState Headers HeadersInit Client RouterParams FormOptions FormLimits
      UploadFile Route Auth BaseUser User Session Trace`),
  ],
  [
    'response',
    'Response',
    words(`Response ResponseInit InjectedResponse ResponseLike JSONResponse HTMLResponse PlainTextResponse
      RedirectResponse StreamingResponse FileResponse FileResponseInit Files OpenFile EventSourceResponse
      EventSourceInit ServerSentEvent ServerSentEventInit CookieOptions`),
  ],
  [
    'errors',
    'Errors',
    words('HTTPException ExceptionHandler ExceptionKey CallnextError ErrorCode ClientDisconnect'),
  ],
];

/** Entry points that are topics of their own: [page, title, entry points]. */
const entries = [
  ['express', 'Express adapter', ['express']],
  ['koa', 'Koa adapter', ['koa']],
  ['node', 'Node adapter', ['node']],
  ['middleware', 'Middleware', middlewares()],
  ['params', 'Declared parameters', ['params']],
  ['openapi', 'OpenAPI', ['openapi']],
  ['security', 'Security', ['security']],
  ['tasks', 'Durable tasks', ['tasks', 'tasks/pg-boss', 'tasks/bullmq']],
  ['tracing', 'Tracing', ['tracing', 'opentelemetry']],
  ['inspector', 'Inspector', ['inspector']],
  ['testing', 'Testing', ['testing']],
];

/** Writes the API pages into a folder. */
export function writeApi(folder, typedoc) {
  const sources = path.join(folder, 'entries');
  mkdirSync(sources, { recursive: true });
  checkTopics();
  for (const [page, title, names] of topics)
    writeEntry(sources, page, title, ['callnext'], `export { ${names.join(', ')} } from '${fileOf('.')}';`);
  for (const [page, title, points] of entries)
    writeEntry(
      sources,
      page,
      title,
      points.map(point => `callnext/${point}`),
      points.map(point => `export * from '${fileOf(`./${point}`)}';`).join('\n'),
    );
  writeFileSync(path.join(sources, 'tsconfig.json'), JSON.stringify(tsconfig()));
  const points = [...topics, ...entries].flatMap(([page]) => ['--entryPoints', `${sources}/${page}.d.ts`]);
  const options = words(`--plugin typedoc-plugin-markdown --plugin ${here}/typedoc-plugin.mjs
    --outputFileStrategy modules --entryFileName index --readme none --disableSources --hideBreadcrumbs
    --hidePageHeader --hideGroupHeadings --useCustomAnchors --useCodeBlocks --excludePrivate
    --excludeInternal --excludeExternals --groupOrder Functions --groupOrder Classes --groupOrder Interfaces
    --groupOrder Constructors --groupOrder Properties --groupOrder Methods --groupOrder *
    --parametersFormat table --interfacePropertiesFormat table --typeAliasPropertiesFormat table
    --propertyMembersFormat table --typeDeclarationFormat table --logLevel Error`);
  execFileSync(
    typedoc,
    ['--tsconfig', `${sources}/tsconfig.json`, '--name', 'API', '--out', folder, ...options, ...points],
    { stdio: 'inherit' },
  );
  rmSync(sources, { recursive: true, force: true });
  writeFileSync(path.join(folder, 'index.md'), index());
  flatten(folder);
  for (const name of readdirSync(folder)) tidy(path.join(folder, name));
}

/** Puts the namespaces of a page into the page. typedoc makes a folder of a page that has any. */
function flatten(folder) {
  const folders = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory());
  for (const { name } of folders) {
    const from = path.join(folder, name);
    const namespaces = readdirSync(path.join(from, 'namespaces')).map(file => namespaceIn(from, file));
    const page = readFileSync(path.join(from, 'index.md'), 'utf8')
      .replace(/^## Namespaces\n\n(?:- .*\n)+\n/gm, '')
      .replace(/\(namespaces\/(\w+)\.md#/g, (_all, space) => `(#${space.toLowerCase()}-`);
    const text = [page, ...namespaces].join('\n').replaceAll('(../', '(');
    writeFileSync(path.join(folder, `${name}.md`), text);
    rmSync(from, { recursive: true });
  }
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/index.md', '.md'));
  }
}

/** The members of a namespace, under their whole names. */
function namespaceIn(folder, file) {
  const name = path.basename(file, '.md');
  return readFileSync(path.join(folder, 'namespaces', file), 'utf8')
    .replace(/^# .*\n/, '')
    .replace(/^## (.*) \{#(.*)\}$/gm, `## ${name}.$1 {#${name.toLowerCase()}-$2}`)
    .replace(/\]\(#/g, `](#${name.toLowerCase()}-`)
    .replaceAll('(../index.md#', '(#')
    .replaceAll('(../../', '(../');
}

/** Shortens what typedoc writes: only exports and their members are headings. */
function tidy(file) {
  const text = readFileSync(file, 'utf8')
    // The class of that name has the anchor.
    .replace(/^# (.*)/, '# $1 {#top}')
    .replace(/<a id="[^"]*"><\/a> /g, '')
    // The signature above has the type.
    .replace(/^#+ Returns.*\n\n(?:.+\n)+(?=\n(?:#|\*\*\*)|(?![\s\S]))\n?/gm, '')
    .replace(/^#+ (?:Extends|Implements).*\n\n- `.*`\n\n/gm, '')
    .replace(/^#+ (Extends|Implements|Extended by).*\n\n((?:- .*\n)+)/gm, (_all, title, list) => {
      const names = list.trim().replace(/^- /gm, '').split('\n');
      return `${title} ${names.join(', ')}.\n`;
    })
    // A heading has a line above it already.
    .replace(/^\*\*\*\n\n/gm, '')
    // Tables say in their head what they list.
    .replace(
      /^#+ (?:Parameters|Type Parameters|Properties|Constructors|Methods|Call Signature)(?: \{.*)?\n\n/gm,
      '',
    )
    .replace(/^#### /gm, '### ')
    .replace(/^### Constructor\b/gm, '### constructor');
  writeFileSync(file, text);
}

function index() {
  const line = (title, what) => `- [${title}](${title.replaceAll(' ', '-')}.md): ${what}`;
  const code = names => names.map(name => `\`${name}\``).join(', ');
  const lines = [
    ...topics.map(([, title, names]) => line(title, code(names))),
    ...entries.map(([, title, points]) => line(title, code(points.map(point => `callnext/${point}`)))),
  ];
  return `# API\n\nEvery export, by topic.\n\n${lines.join('\n')}\n`;
}

/** Requires a topic for each export, so that none is missing on the site. */
function checkTopics() {
  const text = readFileSync(path.join(root, 'dist/cjs/core/index.d.ts'), 'utf8');
  const exported = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) =>
    list.split(',').map(name => name.replace(/\btype\b/, '').trim()),
  );
  const placed = topics.flatMap(([, , names]) => names);
  const missing = exported.filter(name => name !== '' && !placed.includes(name));
  if (missing.length > 0) throw new Error(`scripts/site/api.mjs has no topic for ${missing.join(', ')}.`);
}

function writeEntry(folder, page, title, points, code) {
  const shown = points.map(point => `\`import { … } from '${point}'\``);
  const from = points.length > 1 ? shown.map(each => `- ${each}`) : shown;
  const comment = [...from, '', `@module ${title}`].map(line => ` * ${line}`.trimEnd()).join('\n');
  writeFileSync(path.join(folder, `${page}.d.ts`), `/**\n${comment}\n */\n${code}\n`);
}

function fileOf(point) {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return path.join(root, exports[point].import.default);
}

function middlewares() {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return Object.keys(exports)
    .filter(name => name.startsWith('./middleware/'))
    .map(name => name.slice(2));
}

function tsconfig() {
  return {
    compilerOptions: {
      module: 'nodenext',
      moduleResolution: 'nodenext',
      lib: ['es2023', 'esnext.disposable'],
      strict: true,
      skipLibCheck: true,
      typeRoots: [path.join(root, 'node_modules/@types')],
      types: ['node'],
    },
    include: ['*.d.ts'],
  };
}
