import { BackgroundTasks, CallnextError, Layer } from 'callnext';
import { collectingQueue, type Task, task } from 'callnext/tasks';
import * as v from 'valibot';
import { z } from 'zod';

const anything = task('any', {}, (_context, _args: unknown) => undefined);

/** Adds a task in a layer, and gives the arguments that its queue received. */
async function sent(added: Task, args: unknown): Promise<unknown> {
  const taskQueue = collectingQueue();
  const layer = new Layer({ taskQueue });
  await layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(added as Task<unknown>, args));
  return taskQueue.tasks[0]?.args;
}

function messageOf(args: unknown, added: Task = anything): string {
  try {
    new BackgroundTasks().addTask(added as Task<unknown>, args);
    return '';
  } catch (error) {
    if (error instanceof CallnextError && error.code === 'TASK_ARGUMENTS') return error.message;
    throw error;
  }
}

class Point {
  x = 1;
}
const circle: { list: unknown[] } = { list: [] };
circle.list.push(circle);
const toJson = { toJSON: { value: () => 2 } };
const bomb = {
  get price() {
    throw new Error('no price');
  },
};

describe('arguments of a durable task', () => {
  it.each([
    [{ items: [{ price: 1 }, { price: () => 2 }] }, 'contain a function at `args.items[1].price`'],
    [{ note: undefined }, 'contain `undefined` at `args.note`'],
    [Array(2), 'contain `undefined` at `args[0]`'],
    [{ 'a-b': Symbol('s') }, 'contain a symbol at `args["a-b"]`'],
    [{ [Symbol('key')]: 1 }, 'contain a key that is a symbol at `args`'],
    [{ at: new Date(0) }, 'contain an instance of `Date` at `args.at`'],
    [new Map([[1, 2]]), 'contain an instance of `Map` at `args`'],
    [{ point: new Point() }, 'contain an instance of `Point` at `args.point`'],
    [{ rate: Number.NaN }, 'contain `NaN` at `args.rate`'],
    [{ rate: Number.POSITIVE_INFINITY }, 'contain `Infinity` at `args.rate`'],
    [{ id: 1n }, 'contain a bigint at `args.id`'],
    [circle, 'contain an object that contains itself at `args.list[0]`'],
    [
      { list: Object.assign([1], { toJSON: () => 2 }) },
      'contain an object with a method `toJSON` at `args.list`',
    ],
    [Object.create(Object.create(null, toJson)), 'contain an object with a method `toJSON` at `args`'],
    [bomb, 'cannot be read, or are nested too deeply'],
    ['x'.repeat(262_144), 'are 262146 bytes long, of at most 262144'],
    ['é'.repeat(131_072), 'are 262146 bytes long, of at most 262144'],
  ])('are refused where they are added: %#', (args, what) => {
    expect(messageOf(args)).toContain(`The arguments of the task \`any\` ${what}`);
  });

  it('may hold the same object twice, objects without a prototype, and what fits the limit', async () => {
    const shared = { a: 1 };
    const bare = Object.assign(Object.create(null), { b: null });
    expect(await sent(anything, { one: shared, two: [shared, bare] })).toEqual({
      one: { a: 1 },
      two: [{ a: 1 }, { b: null }],
    });
    expect(messageOf('x'.repeat(262_142))).toBe('');
  });

  it('travel as they were when the task was added', async () => {
    const taskQueue = collectingQueue();
    const layer = new Layer({ taskQueue });
    await layer.run({}, ({ backgroundTasks }) => {
      const order = { id: '7' };
      backgroundTasks.addTask(anything, order);
      order.id = '8';
    });
    expect(taskQueue.tasks[0]?.args).toEqual({ id: '7' });
  });

  it('are validated by a schema where they are added, with the place', () => {
    const mail = task('mail', {}, () => undefined, { args: z.object({ ids: z.array(z.string()) }) });
    expect(messageOf({ ids: ['a', 7] }, mail)).toMatch(/do not fit: .+ at `args\.ids\[1\]`/);
    expect(messageOf({ ids: ['a'] }, mail)).toBe('');
  });

  it('reach the handler as the output of their schema', async () => {
    const remind = task('remind', {}, (_context, { at }) => at.getTime(), {
      args: z.object({ at: z.coerce.date() }),
    });
    expect(await new Layer().runTask(remind, { at: new Date(5) })).toBe(5);
    expect(await sent(remind, { at: new Date(5) })).toEqual({ at: '1970-01-01T00:00:00.005Z' });
  });

  it('may have an asynchronous schema, which refuses before the task is sent', async () => {
    const args = v.pipeAsync(
      v.string(),
      v.checkAsync(async id => id !== 'taken', 'is taken'),
    );
    const claim = task('claim', {}, () => undefined, { args });
    const told: string[] = [];
    const taskQueue = collectingQueue();
    const layer = new Layer({ taskQueue, onError: error => void told.push(error.message) });
    await layer.run({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(claim, 'taken');
      backgroundTasks.addTask(claim, 'free');
    });
    expect(told).toEqual([expect.stringContaining('do not fit: is taken at `args`')]);
    expect(taskQueue.tasks.map(each => each.args)).toEqual(['free']);
    await expect(
      layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(claim, 'taken')),
    ).rejects.toThrow('is taken');
  });

  it('have a limit of their own', () => {
    const small = task('small', {}, (_context, _args: string) => undefined, { maxSize: 10 });
    expect(messageOf('12345678', small)).toBe('');
    expect(messageOf('123456789', small)).toContain('are 11 bytes long, of at most 10');
  });
});
