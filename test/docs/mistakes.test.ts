import { readFileSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { CallnextError, Layer, Response } from 'callnext';
import { toExpress } from 'callnext/express';
import type express from 'express';
import type Koa from 'koa';
import { listening } from '../support/frameworks.js';
import { inRequests, type Mistake, make, scope, whenBuilt } from './mistakes.js';

const page = path.join(__dirname, '../../docs/reference/errors.md');
const marks =
  /(<!-- tables: made of test\/docs\/mistakes\.ts by `npm run docs:mistakes` -->\n)[\s\S]*(<!-- end -->)/;

/** The error that the call throws or rejects with. */
async function refusalOf(mistake: Mistake): Promise<unknown> {
  try {
    await make(mistake, scope(new Layer()));
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

/** The first misuse reported to `onError`, the framework or the client's request. */
async function failureOf(mistake: Mistake): Promise<unknown> {
  const told: unknown[] = [];
  const layer = new Layer({ onError: error => void told.push(error) });
  const names = scope(layer);
  const { app, koa } = names as { app: express.Express; koa: Koa };
  koa.on('error', error => told.push(error));
  make(mistake, names);
  layer.addExceptionHandler(Error, (_request, error) => {
    told.push(error);
    return new Response(null, { status: 500 });
  });
  if (mistake.startsWith('layer.'))
    app.use(toExpress(layer) as express.Handler).get('/', (_req, res) => void res.end());
  app.use((error: unknown, _req: unknown, res: express.Response, _next: unknown) => {
    told.push(error);
    res.status(500).end();
  });
  const listener = mistake.startsWith('koa.') ? koa.callback() : (app as http.RequestListener);
  await listening(listener, async url => {
    for (const asked of ['/', '/none']) await (await fetch(url + asked)).text();
  });
  return told.find(error => error instanceof CallnextError);
}

const built = Object.values(whenBuilt).flat();

/** The line of a mount depends on where the mistakes run. */
function messageOf(error: unknown): string {
  const { message } = error as Error;
  return message
    .replace(/\([^()\s]+:\d+:\d+\)/g, '(app.js:12:9)')
    .replace(/\(<anonymous>:\d+:\d+\)/g, '(app.js:12:9)');
}

async function tables(): Promise<string> {
  const sections: string[] = [];
  for (const [heading, mistakes] of Object.entries(whenBuilt))
    sections.push(await table(heading, mistakes, refusalOf));
  sections.push(await table('In a request', inRequests, failureOf));
  return `${sections.join('')}\n`;
}

async function table(
  heading: string,
  mistakes: readonly Mistake[],
  run: (mistake: Mistake) => Promise<unknown>,
): Promise<string> {
  const lines: string[] = [];
  for (const mistake of mistakes)
    lines.push(`| \`${mistake.replaceAll('"', "'")}\` | ${cell(messageOf(await run(mistake)))} |`);
  return `\n### ${heading}\n\n| mistake | message |\n| --- | --- |\n${lines.join('\n')}\n`;
}

/** Escapes text for Markdown. In code, only the bar ends a cell. */
function cell(text: string): string {
  const parts = text.replaceAll('|', '\\|').split('`');
  return parts.map((part, index) => (index % 2 === 0 ? part.replaceAll('*', '\\*') : part)).join('`');
}

/** Removes the padding that the formatter adds to table cells. */
function unpadded(text: string): string {
  return text.replace(/ {2,}/g, ' ').replace(/-{4,}/g, '---');
}

it.each(built)('refuses `%s` when it is built', async mistake => {
  expect(await refusalOf(mistake)).toBeInstanceOf(CallnextError);
});

it.each(inRequests)('reports `%s` in a request', async mistake => {
  expect(await failureOf(mistake)).toBeInstanceOf(CallnextError);
});

it('shows the mistakes with the messages that they give', async () => {
  const text = readFileSync(page, 'utf8');
  const shown = await tables();
  const expected = text.replace(marks, (_all, start, end) => start + shown + end);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(page, expected);
  else expect(unpadded(text)).toBe(unpadded(expected));
  expect(text).toMatch(marks);
  expect(built.length + inRequests.length).toBeGreaterThanOrEqual(40);
});
