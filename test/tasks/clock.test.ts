import { Layer } from 'callnext';
import { memoryQueue, runWorker, task } from 'callnext/tasks';
import { matcherOf } from '../../core/tasks/clock.js';

/** The minutes of a day in 2026 at which a schedule is due, as `hh:mm`. */
function dueOn(day: string, cron: string, timezone = 'UTC'): string[] {
  const isDue = matcherOf(cron, timezone);
  const begin = Date.parse(`2026-${day}T00:00:00Z`);
  const minutes = Array.from({ length: 1_440 }, (_each, index) => new Date(begin + index * 60_000));
  return minutes.filter(isDue).map(minute => minute.toISOString().slice(11, 16));
}

describe('a schedule', () => {
  it.each([
    ['0 3 * * *', 'UTC', '05-04', ['03:00']],
    [
      '*/20 5,7-8 * * *',
      'UTC',
      '05-04',
      ['05:00', '05:20', '05:40', '07:00', '07:20', '07:40', '08:00', '08:20', '08:40'],
    ],
    ['50/4 0 * * *', 'UTC', '05-04', ['00:50', '00:54', '00:58']],
    ['0 0 4 may *', 'UTC', '05-04', ['00:00']],
    ['0 0 4 6 *', 'UTC', '05-04', []],
    ['0 0 * * MON', 'UTC', '05-04', ['00:00']],
    ['0 0 * * 0,7', 'UTC', '05-03', ['00:00']],
    ['0 0 * * tue-fri', 'UTC', '05-04', []],
    ['0 0 1 * mon', 'UTC', '05-04', ['00:00']],
    ['0 0 1 * mon', 'UTC', '05-01', ['00:00']],
    ['0 0 1 * mon', 'UTC', '05-02', []],
    ['30 9 * * *', 'Europe/Berlin', '05-04', ['07:30']],
    ['0 0 * * *', 'Asia/Kolkata', '05-04', ['18:30']],
  ])('%s in %s is due on %s at %j', (cron, timezone, day, times) => {
    expect(dueOn(day, cron, timezone)).toEqual(times);
  });

  it.each([
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    '*-5 * * * *',
    'a * * * *',
    ', * * * *',
  ])('%s is refused', cron => {
    expect(() => matcherOf(cron, 'UTC')).toThrow(expect.objectContaining({ code: 'ARGUMENT' }));
  });

  it('adds a task to a queue in memory in each of its minutes, until the worker closes', async () => {
    jest.useFakeTimers({ now: Date.parse('2026-05-04T02:58:30Z') });
    try {
      const ran: string[] = [];
      const report = task('report', {}, (_context, args: string) => ran.push(args));
      const layer = new Layer({ taskQueue: memoryQueue() });
      const worker = await runWorker(layer, [report]);
      await worker.every('0 3 * * *', report, 'old');
      await worker.every('0 3 * * *', report, 'nightly');
      await worker.every('59 2 * * *', report, 'early', { key: 'early' });
      await jest.advanceTimersByTimeAsync(2 * 86_400_000);
      jest.useRealTimers();
      await worker.close();
      await layer.close();
      expect(ran).toEqual(['early', 'nightly', 'early', 'nightly']);
    } finally {
      jest.useRealTimers();
    }
  });
});
