import { type Exit, ExitStack, type Slot } from '../../core/dependencies/exit-stack.js';
import type { DependencyScope } from '../../core/dependencies/marker.js';

type Leave = (failure: Error | undefined) => Error | undefined;

/** A stack that logs its events, and exits for it. */
function stack() {
  const log: string[] = [];
  const observer = {
    owner: 'outer' as unknown,
    exiting: ({ name }: Slot, _response: unknown, failure: Error | undefined) =>
      void log.push(`${name} gets ${failure?.message}`),
    exitFailed: (failure: Error, owner: unknown, name: string) =>
      void log.push(`${name} of ${owner} failed: ${failure.message}`),
    failureLost: (lost: Error) => void log.push(`lost ${lost.message}`),
  };
  const exit = (
    name: string,
    scope: DependencyScope = 'request',
    leave: Leave = failure => failure,
  ): Exit => ({
    slot: { name, scope, key: {}, place: scope },
    value: name,
    leave: async (_response, failure) => leave(failure),
  });
  return { log, observer, exit, exits: new ExitStack(observer) };
}

describe('an exit stack', () => {
  it('leaves in reverse order and returns undefined on success', async () => {
    const { log, exit, exits } = stack();
    for (const name of ['a', 'b', 'c']) expect(exits.push(exit(name))).toBeUndefined();
    expect(exits.names).toEqual(['c', 'b', 'a']);
    expect(await exits.leave('request', undefined)).toBeUndefined();
    expect(log).toEqual(['c gets undefined', 'b gets undefined', 'a gets undefined']);
    expect(exits.isEmpty).toBe(true);
  });

  it('returns the failure at once when nothing is entered', () => {
    const failure = new Error('failed');
    expect(stack().exits.leave('request', undefined, failure)).toBe(failure);
  });

  it('leaves only the requested scope, and scope function with request', async () => {
    const { log, exit, exits } = stack();
    exits.push(exit('request'));
    exits.push(exit('function', 'function'));
    exits.push(exit('background', 'background'));
    await exits.leave('function', undefined);
    expect(exits.names).toEqual(['background', 'request']);
    exits.push(exit('late function', 'function'));
    await exits.leave('request', undefined);
    expect(exits.names).toEqual(['background']);
    expect(log.map(line => line.replace(' gets undefined', ''))).toEqual([
      'function',
      'late function',
      'request',
    ]);
  });

  it('keeps scope function for work that has not settled', async () => {
    const { exit, exits } = stack();
    exits.push(exit('kept', 'function'));
    let settle!: () => void;
    exits.keep(new Promise<void>((_resolve, reject) => (settle = () => reject(new Error('settled')))));
    exits.leave('function', undefined);
    expect(exits.has('function')).toBe(true);
    settle();
    await new Promise(setImmediate);
    await exits.leave('function', undefined);
    expect(exits.has('function')).toBe(false);
  });

  it('throws a failure into each exit, and a new failure into those after it', async () => {
    const { log, exit, exits } = stack();
    const first = new Error('first');
    const second = new Error('second', { cause: first });
    exits.push(exit('a'));
    exits.push(exit('b', 'request', () => second));
    exits.push(exit('c'));
    expect(await exits.leave('request', undefined, first)).toBe(second);
    expect(log).toEqual(['c gets first', 'b gets first', 'b of outer failed: second', 'a gets second']);
  });

  it('reports a failure that its replacement does not carry', async () => {
    const { log, exit, exits } = stack();
    const other = new Error('other', { cause: new Error('unrelated') });
    exits.push(exit('a', 'request', () => other));
    await exits.leave('request', undefined, new Error('first'));
    expect(log).toEqual(['a gets first', 'a of outer failed: other', 'lost first']);
  });

  it('goes on with the failure when an exit swallows it', async () => {
    const { log, exit, exits } = stack();
    const failure = new Error('failed');
    exits.push(exit('a'));
    exits.push(exit('b', 'request', () => undefined));
    expect(await exits.leave('request', undefined, failure)).toBe(failure);
    expect(log).toEqual(['b gets failed', 'a gets failed']);
  });

  it('names the owner of the time when the exit was entered', async () => {
    const { log, observer, exit, exits } = stack();
    exits.push(exit('a', 'request', () => new Error('broken')));
    observer.owner = 'inner';
    await exits.leave('request', undefined);
    expect(log).toContain('a of outer failed: broken');
  });

  it('unwinds every scope and returns the failure', async () => {
    const { log, exit, exits } = stack();
    const failure = new Error('failed');
    exits.push(exit('a', 'background'));
    exits.push(exit('b', 'function'));
    expect(await exits.unwind(failure)).toBe(failure);
    expect(log).toEqual(['b gets failed', 'a gets failed']);
    expect(exits.isEmpty).toBe(true);
  });

  it('leaves what is pushed after close() at once with its reason', async () => {
    const { log, exit, exits } = stack();
    exits.failure = new Error('earlier');
    expect(exits.refusal?.message).toBe('earlier');
    exits.close(() => new Error('closed'));
    expect(exits.refusal?.message).toBe('closed');
    expect((await exits.push(exit('late')))?.message).toBe('closed');
    expect(log).toEqual(['late gets closed']);
    expect(exits.isEmpty).toBe(true);
  });

  it('names exits that are being left before those that wait', async () => {
    const { exit, exits } = stack();
    const seen: string[][] = [];
    const look: Leave = failure => {
      seen.push(exits.names);
      return failure;
    };
    exits.push(exit('task', 'background'));
    exits.push(exit('a', 'request', look));
    exits.push(exit('b', 'request', look));
    await exits.leave('request', undefined);
    expect(seen).toEqual([
      ['b', 'a', 'task'],
      ['a', 'task'],
    ]);
    expect(exits.ends('task')).toBe(true);
    expect(exits.ends('a')).toBe(false);
  });
});
