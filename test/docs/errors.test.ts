import { readFileSync } from 'node:fs';
import path from 'node:path';
import { errorCodes } from '../../core/errors.js';

it('documents every error code, and none that is gone', () => {
  const page = readFileSync(path.join(__dirname, '../../docs/reference/errors.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `([A-Z_]+)` *\|/gm)].map(match => match[1] ?? '');
  expect(documented.sort()).toEqual([...errorCodes].sort());
});
