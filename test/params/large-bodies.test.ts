import { type } from 'arktype';
import { endpoint, Layer } from 'callnext';
import { Body, type StandardSchemaV1 } from 'callnext/params';
import { z } from 'zod';
import { ask } from '../support/ask.js';
import { type Framework, frameworks, listening } from '../support/frameworks.js';

const count = 20_000;
const unknown = Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, index]));

const strict: [string, StandardSchemaV1][] = [
  ['Zod', z.strictObject({ a: z.int() })],
  ['ArkType', type({ '+': 'reject', a: 'number' })],
];

interface Answered {
  detail: { type: string; loc: string[] }[];
}

describe.each(frameworks)('a body with thousands of unknown keys on $name', (framework: Framework) => {
  it.each(strict)('is refused by %s in time that grows with their number', async (_name, schema) => {
    const write = endpoint({ item: Body(schema) }, () => null);
    const app = framework.app().use(new Layer()).at('/', write);
    const { status, text } = await listening(app.listener(), (_url, port) =>
      ask(port, {
        method: 'POST',
        body: JSON.stringify({ a: 1, ...unknown }),
        headers: { 'content-type': 'application/json' },
      }),
    );
    const { detail } = JSON.parse(text) as Answered;
    expect(status).toBe(422);
    expect(detail.filter(each => each.type === 'extra_forbidden')).toHaveLength(count);
    expect(new Set(detail.map(({ loc }) => loc.join('.'))).size).toBe(count);
  });
});
