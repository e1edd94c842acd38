import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

// Its own process compiles the whole package, which can exceed the default timeout on a busy machine.
it("answers without loading Node's Fetch, yet uses its classes when asked to", async () => {
  const file = path.join(__dirname, 'fetch-on-demand.ts');
  const child = fork(path.join(__dirname, '../support/run-typescript.cjs'), [file], { stdio: 'pipe' });
  const [answer] = await once(child, 'message');
  expect(answer).toEqual({ before: false, isRequest: true, after: true, hasThen: false });
}, 60_000);
