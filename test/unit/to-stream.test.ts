import { toStream } from '../../core/http/to-stream.js';
import { gate } from '../support/events.js';

interface Plan {
  readonly chunks: readonly string[];
  readonly fails?: boolean;
  readonly isOpen?: Promise<void>;
}

/** A source that logs what a stream asks of it. */
function source({ chunks, fails, isOpen }: Plan, log: string[]): AsyncIterator<string, undefined> {
  let index = 0;
  return {
    async next() {
      await isOpen;
      log.push('next');
      if (index < chunks.length) return { value: chunks[index++] as string, done: false };
      if (fails) throw new Error('failed');
      return { value: undefined, done: true };
    },
    async return() {
      log.push('return');
      return { value: undefined, done: true };
    },
  };
}

function ours(plan: Plan, log: string[]): ReadableStream {
  return toStream(source(plan, log));
}

function platforms(plan: Plan, log: string[]): ReadableStream {
  const chunks = source(plan, log);
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(new TextEncoder().encode(value));
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Shows a step or an error, with texts in place of bytes. */
async function shown(step: Promise<unknown>): Promise<unknown> {
  try {
    const result = (await step) as IteratorResult<Uint8Array>;
    const { value, done } = result ?? {};
    return { value: value instanceof Uint8Array ? new TextDecoder().decode(value) : value, done };
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

function leave(steps: AsyncIterator<Uint8Array>): Promise<unknown> {
  return (steps as { return(value: unknown): Promise<unknown> }).return('left');
}

const three = { chunks: ['a', 'b', 'c'] };

type Use = (stream: ReadableStream, note: (seen: unknown) => void) => Promise<void>;

const uses: [string, Plan, Use][] = [
  [
    'a loop to the end',
    three,
    async (stream, note) => {
      for await (const chunk of stream) note([new TextDecoder().decode(chunk), stream.locked]);
      note(await shown(stream.getReader().read()));
    },
  ],
  [
    'a loop that breaks',
    three,
    async (stream, note) => {
      for await (const chunk of stream) {
        note(new TextDecoder().decode(chunk));
        break;
      }
      note(await shown(stream.getReader().read()));
    },
  ],
  [
    'a loop that fails',
    { chunks: ['a'], fails: true },
    async (stream, note) => {
      const looping = async (): Promise<void> => {
        for await (const chunk of stream) note(new TextDecoder().decode(chunk));
      };
      note(await shown(looping()));
      note(stream.locked);
      note(await shown(stream.getReader().read()));
    },
  ],
  [
    'a second iterator while one is at work',
    three,
    async (stream, note) => {
      stream.values();
      const refused = await Promise.resolve()
        .then(() => stream.values())
        .catch((thrown: Error) => thrown);
      note((refused as Error).name);
    },
  ],
  [
    'a return with `preventCancel`, and a reader afterwards',
    three,
    async (stream, note) => {
      const first = stream.values({ preventCancel: true });
      note(await shown(first.next()));
      note(await shown(leave(first)));
      note(await shown(stream.getReader().read()));
    },
  ],
  [
    'a read, and an iterator afterwards',
    three,
    async (stream, note) => {
      const reader = stream.getReader();
      note(await shown(reader.read()));
      reader.releaseLock();
      for await (const chunk of stream) note(new TextDecoder().decode(chunk));
    },
  ],
  [
    'a return before the first step',
    three,
    async (stream, note) => {
      const steps = stream.values();
      note(await shown(leave(steps)));
      note(await shown(steps.next()));
      note(stream.locked);
    },
  ],
  [
    'steps after the end',
    { chunks: ['a'] },
    async (stream, note) => {
      const steps = stream.values();
      for (let count = 0; count < 3; count += 1) note(await shown(steps.next()));
      note(await shown(leave(steps)));
    },
  ],
];

it.each(uses)('iterates as the streams of the platform do: %s', async (_, plan, use) => {
  const played = await Promise.all(
    [ours, platforms].map(async create => {
      const seen: unknown[] = [];
      const log: string[] = [];
      await use(create(plan, log), each => seen.push(each));
      return { seen, isReturned: log.includes('return') };
    }),
  );
  expect(played[0]).toEqual(played[1]);
});

it.each([
  ['chunks', three],
  ['a failure', { chunks: ['a'], fails: true }],
])('takes concurrent steps one after the other: %s', async (_, plan) => {
  const played = await Promise.all(
    [ours, platforms].map(async create => {
      const opened = gate<void>();
      const steps = create({ ...plan, isOpen: opened.opened }, []).values();
      const all = [steps.next(), steps.next(), leave(steps), steps.next()];
      opened.open();
      return Promise.all(all.map(shown));
    }),
  );
  expect(played[0]).toEqual(played[1]);
});

it('leaves the source alone until the first step', () => {
  const log: string[] = [];
  ours(three, log).values();
  expect(log).toEqual([]);
});
