import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { TestClient } from 'callnext/testing';
import { app, log } from '../../examples/llms/app.js';
import { inRequests, whenBuilt } from './mistakes.js';

const root = path.join(__dirname, '../..');
const text = readFileSync(path.join(root, 'llms.txt'), 'utf8');
const program = readFileSync(path.join(root, 'examples/llms/app.ts'), 'utf8');

it('shows parts of a program that works', async () => {
  const blocks = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block);
  expect(blocks).toHaveLength(5);
  for (const block of blocks) expect(program).toContain(block);
  const client = new TestClient(app, { settle: true });
  for (const asked of ['/items/1', '/names/1']) {
    const response = await client.get(asked);
    expect([response.status, await response.json()]).toEqual([200, { name: 'chair' }]);
    expect(Number(response.headers.get('x-process-time'))).toBeGreaterThan(0);
    expect(log.splice(0)).toEqual(['the connection is released', 'chair was viewed']);
  }
  expect((await client.get('/items/2')).status).toBe(404);
  expect(log.splice(0)).toEqual(['the connection is released']);
  await client.close();
});

it('names mistakes that test/docs/mistakes makes', () => {
  const [, section = ''] = /## Mistakes to avoid\n([\s\S]*?)\nThese throw nothing/.exec(text) ?? [];
  const named = [...section.matchAll(/^- `([^`]*)`:/gm)].map(([, mistake]) => mistake);
  expect(named.length).toBeGreaterThan(5);
  const made: readonly unknown[] = [...Object.values(whenBuilt).flat(), ...inRequests];
  expect(named.filter(mistake => !made.includes(mistake))).toEqual([]);
});

it('links to files that are in the package', () => {
  const { files } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link.replace(/\/$/, ''));
  expect(links.length).toBeGreaterThan(5);
  const isPacked = (link: string) =>
    existsSync(path.join(root, link)) && files.some((file: string) => `${link}/`.startsWith(`${file}/`));
  expect(links.filter(link => !isPacked(link))).toEqual([]);
});
