import { Depends, dependency, endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { TestClient } from 'callnext/testing';
import express from 'express';

const pass = (name: string) =>
  Object.defineProperty(
    async (request: never, callNext: never) => (callNext as CallableFunction)(request),
    'name',
    {
      value: name,
    },
  ) as never;

async function* getDb() {
  yield 'db';
}

const getUser = dependency({ db: Depends(getDb) }, function getUser() {
  return 'user';
});

const getTransaction = dependency({ db: Depends(getDb) }, async function* getTransaction() {
  yield 'transaction';
});

describe('toMermaid()', () => {
  it('draws the order of an empty layer', () => {
    expect(new Layer().describe().toMermaid()).toBe(
      `flowchart TB
  request(["request"])
  routes[["routes"]]
  sent(["response sent"])
  exit_request["exits of scope request"]
  tasks["background tasks"]
  request --> routes
  routes --> sent
  sent --> exit_request
  exit_request --> tasks`,
    );
  });

  it('draws middleware, dependencies, exits, the life of the layer and exception handlers', () => {
    const settings = dependency({ file: Depends(() => 1, { scope: 'app' }) }, function settings() {
      return 1;
    });
    const layer = new Layer({
      middleware: [pass('timing'), pass('audit')],
      dependencies: [
        Depends(settings, { scope: 'app' }),
        Depends(getUser),
        Depends(getTransaction, { scope: 'function' }),
      ],
      exceptionHandlers: [
        [404, () => new Response()],
        [Error, () => new Response()],
      ],
      lifespan: function* pools() {
        yield;
      },
      defaultScope: 'background',
    });
    expect(layer.describe().toMermaid()).toBe(
      `flowchart TB
  subgraph app["until layer.close()"]
    app0["file"]
    app1["settings"]
    lifespan["lifespan: pools"]
  end
  app -.-> request
  request(["request"])
  before0["timing before"]
  before1["audit before"]
  enter0["getDb enter"]
  enter1["getUser enter"]
  enter2["getTransaction enter"]
  routes[["routes"]]
  exit_function["exits of scope function: getTransaction"]
  after1["audit after"]
  after0["timing after"]
  sent(["response sent"])
  tasks["background tasks"]
  exit_background["exits of scope background: getDb"]
  request --> before0
  before0 --> before1
  before1 --> enter0
  enter0 --> enter1
  enter1 --> enter2
  enter2 --> routes
  routes --> exit_function
  exit_function --> after1
  after1 --> after0
  after0 --> sent
  sent --> tasks
  tasks --> exit_background
  routes -. failure .-> handlers["exception handlers: 404"]
  handlers -.-> after1
  after0 -. failure .-> handler_error["exception handler: Error"]
  handler_error -.-> sent`,
    );
  });

  it('escapes the characters that Mermaid reads as syntax, and flattens lines', () => {
    const layer = new Layer({ middleware: [pass('a "b" <i>\n`c` #quot; \\d & e'), pass('1. one')] });
    const text = layer.describe().toMermaid();
    expect(text).toContain('before0["a #34;b#34; #60;i#62; #96;c#96; #35;quot; #92;d #38; e before"]');
    expect(text).toContain('before1["1#46; one before"]');
  });

  it('has the steps of a real request, in their order', async () => {
    const layer = new Layer({
      middleware: [pass('timing'), pass('audit')],
      dependencies: [Depends(getTransaction)],
    });
    const app = express();
    app.use(toExpress(layer));
    app.get(
      '/',
      toExpress(
        endpoint({}, function routes({ backgroundTasks }) {
          backgroundTasks.addTask(function notify() {
            return;
          });
        }),
      ),
    );
    const client = new TestClient(app);
    await client.get('/');
    await client.settled();
    expect(client.trace).toEqual([
      'timing before',
      'audit before',
      'getDb enter',
      'getTransaction enter',
      'routes',
      'audit after 200',
      'timing after 200',
      'sent 200',
      'getTransaction exit',
      'getDb exit',
      'task notify',
    ]);
    const labels = [
      ...layer
        .describe()
        .toMermaid()
        .matchAll(/^ {2}\w+\W+"([^"]+)"/gm),
    ].map(([, label]) => label);
    expect(labels).toEqual([
      'request',
      'timing before',
      'audit before',
      'getDb enter',
      'getTransaction enter',
      'routes',
      'audit after',
      'timing after',
      'response sent',
      'exits of scope request: getTransaction, getDb',
      'background tasks',
    ]);
  });
});
