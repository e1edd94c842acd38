import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { TestClient } from 'callnext/testing';
import * as expressAfter from '../../examples/existing-express/after.js';
import { app as expressBefore } from '../../examples/existing-express/before.js';
import * as koaAfter from '../../examples/existing-koa/after.js';
import { app as koaBefore } from '../../examples/existing-koa/before.js';

interface Asked {
  readonly path: string;
  readonly json?: unknown;
  readonly form?: () => FormData;
  readonly headers?: Record<string, string>;
}

const form = (): FormData => {
  const data = new FormData();
  data.set('text', 'with a file');
  data.set('file', new File(['content'], 'list.txt'));
  return data;
};

/** A user's requests, from the first visit to the last. */
const visit: Asked[] = [
  { path: '/notes' },
  { path: '/login', json: { name: 'nobody' } },
  { path: '/login', json: { name: 'ada' } },
  { path: '/notes' },
  { path: '/notes', form },
  { path: '/notes' },
  { path: '/long', headers: { 'accept-encoding': 'gzip' } },
  { path: '/long' },
  { path: '/static/reference/errors.md', headers: { range: 'bytes=0-99' } },
  { path: '/static/nothing' },
  { path: '/broken' },
  { path: '/nowhere' },
];
/** Headers that differ between visits. */
const changing = new Set(['date', 'set-cookie', 'x-request-id', 'x-process-time']);

describe.each([
  [
    'Express',
    'existing-express',
    expressBefore as RequestListener,
    expressAfter.app as RequestListener,
    expressAfter,
  ],
  ['Koa', 'existing-koa', koaBefore.callback(), koaAfter.app.callback(), koaAfter],
] as const)('an existing %s app', (_name, folder, before, after, { journal }) => {
  const play = async (listener: RequestListener) => {
    const client = new TestClient(listener);
    const seen: unknown[] = [];
    const added = new Set<string>();
    for (const { path: asked, json, form: body, headers = {} } of visit) {
      const sent = json !== undefined || body !== undefined;
      const response = await client.fetch(asked, {
        headers,
        ...(sent && { method: 'POST' }),
        ...(json !== undefined && { json }),
        ...(body && { body: body() }),
      });
      for (const name of response.headers.keys()) if (name.startsWith('x-')) added.add(name);
      // The layer's own handler answers this, with headers of its own.
      const isHandled = asked === '/broken';
      if (isHandled && response.headers.has('retry-after')) added.add('retry-after');
      const kept = isHandled ? [] : [...response.headers].filter(([name]) => !changing.has(name));
      seen.push([asked, response.status, Object.fromEntries(kept), await response.text()]);
    }
    await client.settled();
    await client.close();
    return { seen, added: [...added] };
  };

  it('answers every request as before, with the headers of the layer', async () => {
    const [old, now] = [await play(before), await play(after)];
    expect(now.seen).toEqual(old.seen);
    expect(now.added).toEqual(expect.arrayContaining(['x-request-id', 'x-process-time', 'retry-after']));
    expect(journal).toContain('commit');
    expect(journal).not.toContain('rollback');
  });

  it('equals the original app plus added lines', () => {
    const [old = '', now = ''] = ['before', 'after'].map(file =>
      readFileSync(path.join(__dirname, `../../examples/${folder}/${file}.ts`), 'utf8'),
    );
    const lines = now.split('\n');
    let at = 0;
    for (const line of old.split('\n')) {
      at = lines.indexOf(line, at) + 1;
      expect([line, at > 0]).toEqual([line, true]);
    }
  });
});
