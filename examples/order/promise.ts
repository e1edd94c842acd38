// What is requested, and the order that callnext promises for it.

export interface Scenario {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly body: string | RegExp;
  readonly hasProcessTime: boolean;
  /** Each event as `stage: text`; `native:` stands for the framework's own call. */
  readonly promise: readonly string[];
}

export const scenarios: readonly Scenario[] = [
  {
    title:
      'An endpoint: middleware, then dependency exit, then background tasks',
    method: 'GET',
    path: '/items/1',
    status: 200,
    body: '{"id":"1","name":"chair"}',
    hasProcessTime: true,
    promise: [
      'middleware: processTime: in',
      'middleware: audit: in',
      'dependency: connection: open',
      'endpoint: read item 1',
      'middleware: audit: out, 200',
      'middleware: processTime: out, 200',
      'response: sent, 200',
      'dependency: connection: close',
      'task: record the view of 1',
    ],
  },
  {
    title:
      'An HTTPException of a dependency: those that are open exit before it is answered',
    method: 'GET',
    path: '/profile',
    status: 401,
    body: '{"detail":"Not authenticated"}',
    hasProcessTime: true,
    promise: [
      'middleware: processTime: in',
      'middleware: audit: in',
      'dependency: connection: open',
      'dependency: user: no token',
      'dependency: connection: close',
      'middleware: audit: out, 401',
      'middleware: processTime: out, 401',
      'response: sent, 401',
    ],
  },
  {
    title: 'A native route, which knows nothing of callnext',
    method: 'GET',
    path: '/legacy',
    status: 200,
    body: '{"ok":true}',
    hasProcessTime: true,
    promise: [
      'middleware: processTime: in',
      'middleware: audit: in',
      'native:',
      'middleware: audit: out, 200',
      'middleware: processTime: out, 200',
      'response: sent, 200',
    ],
  },
  {
    title: 'A stream: the dependency stays open to its last byte',
    method: 'GET',
    path: '/report',
    status: 200,
    body: 'chair\n',
    hasProcessTime: true,
    promise: [
      'middleware: processTime: in',
      'middleware: audit: in',
      'dependency: connection: open',
      'endpoint: begin the report',
      'middleware: audit: out, 200',
      'middleware: processTime: out, 200',
      'body: line: chair',
      'body: last line written',
      'response: sent, 200',
      'dependency: connection: close',
      'task: archive the report',
    ],
  },
  {
    title:
      'An endpoint that fails: its transaction rolls back, its task is dropped, the framework answers',
    method: 'POST',
    path: '/orders',
    status: 500,
    body: /Error/,
    hasProcessTime: false,
    promise: [
      'middleware: processTime: in',
      'middleware: audit: in',
      'dependency: connection: open',
      'dependency: transaction: begin',
      'endpoint: insert the order',
      'dependency: transaction: rollback',
      'dependency: connection: close',
      'reported: The background task `sendMail` was dropped because its request failed',
      'middleware: audit: caught "out of stock"',
      'response: sent, 500',
    ],
  },
];
