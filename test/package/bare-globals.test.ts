import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

// Its own process compiles the whole package, which can exceed the default timeout on a busy machine.
it('loads on a platform without some globals, as in the jsdom environment of jest', async () => {
  const file = path.join(__dirname, 'bare-globals.ts');
  const child = fork(path.join(__dirname, '../support/run-typescript.cjs'), [file], { stdio: 'pipe' });
  const errors: Buffer[] = [];
  child.stderr?.on('data', chunk => errors.push(chunk));
  const answered = once(child, 'message').then(([message]) => message);
  const ended = once(child, 'close').then(() => Buffer.concat(errors).toString());
  expect(await Promise.race([answered, ended])).toEqual({
    entries: 10,
    body: '{"said":"hello","isRequest":true}',
    text: 'grüß',
  });
}, 60_000);
