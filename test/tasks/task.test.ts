import { Depends, Layer } from 'callnext';
import { task } from 'callnext/tasks';

const nothing = (): void => undefined;
function* yields() {
  yield 1;
}

describe('task()', () => {
  it.each(['', 'Send', '1st', 'send mail', 'a'.repeat(65), 'a:b'])('refuses the name "%s"', name => {
    expect(() => task(name, {}, nothing)).toThrow(expect.objectContaining({ code: 'TASK_NAME' }));
  });

  it.each<[string, () => unknown]>([
    ['DEPENDENCIES', () => task('a', nothing as never, nothing)],
    ['ENDPOINT_HANDLER', () => task('a', {}, yields as never)],
    ['DEPENDS_EXPECTED', () => task('a', { db: nothing } as never, nothing)],
    ['DEPENDENCY_NAME', () => task('a', { task: Depends(nothing) } as never, nothing)],
    ['UNKNOWN_OPTION', () => task('a', {}, nothing, { retries: 3 } as never)],
    ['OPTION_VALUE', () => task('a', {}, nothing, { attempts: 0 })],
    ['OPTION_VALUE', () => task('a', {}, nothing, { timeoutMs: 2 ** 31 })],
    ['OPTION_VALUE', () => task('a', {}, nothing, { backoff: { factor: 0.5 } })],
    ['OPTION_VALUE', () => task('a', {}, nothing, { args: {} as never })],
    ['OPTION_VALUE', () => task('a', {}, nothing, { maxSize: 0.5 })],
  ])('throws %s', (code, make) => {
    expect(make).toThrow(expect.objectContaining({ code }));
  });

  it('is refused as a function, and functions as tasks', async () => {
    const layer = new Layer();
    await layer.run({}, ({ backgroundTasks }) => {
      const refused = expect.objectContaining({ code: 'ARGUMENT' });
      return expect(backgroundTasks.enqueue(nothing as never)).rejects.toEqual(refused);
    });
    await expect(layer.runTask(nothing as never)).rejects.toMatchObject({ code: 'ARGUMENT' });
  });

  it('refuses unknown options of addTask and enqueue', async () => {
    const add = task('add', {}, nothing);
    await new Layer().run({}, async ({ backgroundTasks }) => {
      expect(() => backgroundTasks.addTask(add, undefined, { delay: 1 } as never)).toThrow(
        'has no option `delay`',
      );
      expect(() => backgroundTasks.addTask(add, undefined, { delayMs: -1 })).toThrow('`delayMs`');
      expect(() => backgroundTasks.addTask(add, undefined, { id: '' })).toThrow('`id`');
      expect(() => backgroundTasks.addTask(add, undefined, { when: 'never' as never })).toThrow();
      await expect(backgroundTasks.enqueue(add, undefined, { when: 'always' } as never)).rejects.toThrow(
        '`when`',
      );
    });
  });

  it('is run by `layer.runTask`, with overrides, information and a result', async () => {
    const getName = (): string => 'real';
    const greet = task(
      'greet',
      { name: Depends(getName) },
      ({ name, task: { id, signal, ...info }, request }) => ({
        name,
        info,
        isSame: request.state.task !== undefined && signal === request.signal,
      }),
    );
    const layer = new Layer();
    layer.dependencyOverrides.set(getName, () => 'fake');
    expect(await layer.runTask(greet)).toEqual({
      name: 'fake',
      info: { name: 'greet', attempt: 1, attempts: 1, addedAt: expect.any(Date) },
      isSame: true,
    });
    await layer.close();
    await expect(layer.runTask(greet)).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
  });
});
