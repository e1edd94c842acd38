import { spawnSync } from 'node:child_process';

test('keeps the budgets of scripts/budgets/table.mjs', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['scripts/budgets.mjs'], {
    encoding: 'utf8',
  });
  const failed = stdout.split('\n').filter(line => line.includes('FAILED'));
  expect({ failed, stderr, status }).toEqual({ failed: [], stderr: '', status: 0 });
}, 60_000);
