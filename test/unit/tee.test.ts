import { Tee } from '../../core/http/tee.js';

/** A source of chunks that counts how often it was opened, pulled and closed. */
function source(...chunks: string[]) {
  const seen = { opened: 0, pulled: 0, closed: 0 };
  const iterable: AsyncIterable<string> = {
    [Symbol.asyncIterator]() {
      seen.opened += 1;
      const rest = [...chunks];
      return {
        async next() {
          seen.pulled += 1;
          const value = rest.shift();
          return value === undefined ? { value: undefined, done: true } : { value, done: false };
        },
        async return() {
          seen.closed += 1;
          return { value: undefined, done: true };
        },
      };
    },
  };
  return { seen, iterable };
}

async function all(pass: AsyncIterable<unknown>): Promise<string> {
  const chunks: unknown[] = [];
  for await (const chunk of pass)
    chunks.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk as never));
  return chunks.join('');
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    error => error.code ?? error.status,
  );

describe('a tee', () => {
  it('opens its source at the first read', async () => {
    const { seen, iterable } = source('a', 'b');
    const tee = new Tee(iterable, 'response', undefined);
    const pass = tee.begin(false);
    expect([tee.hasBegun, tee.isBeingRead, seen.opened]).toEqual([false, true, 0]);
    expect(await all(pass)).toBe('ab');
    expect([tee.hasBegun, tee.isBeingRead, tee.isOver, seen.opened]).toEqual([true, false, true, 1]);
  });

  it('gives every reader all chunks, and pulls each chunk once', async () => {
    const { seen, iterable } = source('a', 'b');
    const tee = new Tee(iterable, 'response', undefined);
    expect(await Promise.all([all(tee.begin(false)), all(tee.begin(false))])).toEqual(['ab', 'ab']);
    expect(await all(tee.begin(false))).toBe('ab');
    expect(seen.pulled).toBe(3);
  });

  it('gives every reader the error of an iterator whose step is no object', async () => {
    const next = async (): Promise<never> => undefined as never;
    const tee = new Tee({ [Symbol.asyncIterator]: () => ({ next }) }, 'response', undefined);
    const readers = [tee.begin(false), tee.begin(false)];
    const errors = [];
    for (const reader of readers) errors.push(await reader.next().catch(error => error));
    expect(errors[0]).toBeInstanceOf(TypeError);
    expect(errors[1]).toBe(errors[0]);
  });

  it('refuses a late reader after it has stopped keeping', async () => {
    const tee = new Tee(source('a', 'b').iterable, 'response', undefined);
    tee.stopKeeping();
    const pass = tee.begin(false);
    await pass.next();
    expect(() => tee.begin(false)).toThrow(expect.objectContaining({ code: 'BODY_CONSUMED' }));
  });

  it('closes its source when the last reader leaves and nothing is kept', async () => {
    const { seen, iterable } = source('a', 'b');
    const tee = new Tee(iterable, 'response', undefined);
    tee.stopKeeping();
    const [first, second] = [tee.begin(false), tee.begin(false)];
    await Promise.all([first.next(), second.next()]);
    await first.return?.();
    expect(seen.closed).toBe(0);
    await second.return?.();
    expect(seen.closed).toBe(1);
  });

  it('stays open for later readers while it keeps', async () => {
    const { seen, iterable } = source('a');
    const tee = new Tee(iterable, 'response', undefined);
    const pass = tee.begin(false);
    await pass.next();
    await pass.return?.();
    expect(seen.closed).toBe(0);
    expect(await all(tee.begin(false))).toBe('a');
  });

  it('gives a failure of the source to every reader', async () => {
    async function* failing(): AsyncGenerator<string> {
      yield 'a';
      throw Object.assign(new Error('broken'), { code: 'BROKEN' });
    }
    const tee = new Tee(failing(), 'response', undefined);
    const reads = [tee.begin(false), tee.begin(false)].map(pass => codeOf(all(pass)));
    expect(await Promise.all(reads)).toEqual(['BROKEN', 'BROKEN']);
    expect(tee.isOver).toBe(true);
  });

  it('refuses readers beyond its limit with a 413', async () => {
    const tee = new Tee(source('abc', 'def').iterable, 'request', () => 4);
    expect(await all(tee.begin(false))).toBe('abcdef');
    expect(() => tee.begin(false)).toThrow(expect.objectContaining({ status: 413 }));
  });

  it('drops a reader that falls behind by more than the limit', async () => {
    const tee = new Tee(source('abc', 'def').iterable, 'request', () => 4);
    const slow = tee.begin(false);
    expect(await all(tee.begin(false))).toBe('abcdef');
    expect(await codeOf(Promise.resolve(slow.next()))).toBe(413);
  });

  it('gives its source away with the chunks read so far', async () => {
    const { seen, iterable } = source('a', 'b');
    const tee = new Tee(iterable, 'response', undefined);
    await tee.begin(false).next();
    expect(tee.give()).toEqual(['a']);
    expect(tee.isOver).toBe(true);
    await tee.close();
    expect(seen.closed).toBe(0);
  });

  it('dismisses streams that nobody has touched, and no other reader', async () => {
    const tee = new Tee(source('a').iterable, 'response', undefined);
    const [looked, read] = [tee.begin(true), tee.begin(false)];
    tee.dismissUntouched();
    expect(await codeOf(Promise.resolve(looked.next()))).toBe('BODY_CONSUMED');
    expect(await all(read)).toBe('a');
  });

  it('waits for no stream that is still unread in the next turn', async () => {
    const tee = new Tee(source('a').iterable, 'response', undefined);
    const [looked, begun] = [tee.begin(true), tee.begin(true)];
    tee.dismissUnread();
    expect(await all(begun)).toBe('a');
    expect(looked.closed).toBe(false);
    await new Promise(resolve => setTimeout(resolve, 0));
    expect(looked.closed).toBe(true);
  });

  it('closes an unread source at once when it is idle', async () => {
    const { seen, iterable } = source('a');
    await new Tee(iterable, 'response', undefined).closeWhenIdle();
    expect(seen.closed).toBe(1);
  });

  it('closes 5 s after its last reader stopped asking', async () => {
    jest.useFakeTimers();
    try {
      const { seen, iterable } = source('a', 'b');
      const tee = new Tee(iterable, 'response', undefined);
      await tee.begin(false).next();
      expect(tee.closeWhenIdle()).toBeUndefined();
      await jest.advanceTimersByTimeAsync(4_999);
      expect(seen.closed).toBe(0);
      await jest.advanceTimersByTimeAsync(1);
      expect(seen.closed).toBe(1);
    } finally {
      jest.useRealTimers();
    }
  });
});
