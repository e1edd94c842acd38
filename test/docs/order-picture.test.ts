import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../..');

it('draws the row that the tests execute', () => {
  const script = path.join(root, 'scripts/order-picture.mjs');
  const drawn = execFileSync(process.execPath, [script, '-'], { encoding: 'utf8' });
  expect(readFileSync(path.join(root, 'docs/reference/order.svg'), 'utf8')).toBe(drawn);
});

it('shows the exits after the response, and the tasks between them', () => {
  const picture = readFileSync(path.join(root, 'docs/reference/order.svg'), 'utf8');
  const [, events = ''] = /<title id="title">The order of a request: (.*)<\/title>/.exec(picture) ?? [];
  expect(events.split(', ').slice(-5)).toEqual(['sent', 'request exit', 'task', 'always', 'background exit']);
});
