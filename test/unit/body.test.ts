import { Body } from '../../core/http/body.js';
import type { Content } from '../../core/http/body-source.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A streamed body, and the state of its producer. */
function streamed(...chunks: string[]) {
  const seen = { opened: 0, closed: 0 };
  const open = (): Content => {
    seen.opened += 1;
    return (async function* () {
      try {
        for (const chunk of chunks) yield bytes(chunk);
      } finally {
        seen.closed += 1;
      }
    })();
  };
  return { seen, body: new Body(open) };
}

async function textOf(content: Content): Promise<string> {
  const parts: Buffer[] = [];
  for await (const chunk of content as AsyncIterable<Uint8Array | string>)
    parts.push(Buffer.from(chunk as never));
  return Buffer.concat(parts).toString();
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    error => error.code ?? error.status,
  );

describe('a body that is there as a whole', () => {
  it.each<[string, Content, number, string]>([
    ['nothing', null, 0, ''],
    ['a string', 'é', 2, 'é'],
    ['bytes', bytes('abc'), 3, 'abc'],
  ])('knows the size of %s, and can be read again', async (_what, content, size, text) => {
    const body = new Body(() => content);
    expect([body.whole, body.size, body.isNothing]).toEqual([content, size, content === null]);
    expect(await body.text()).toBe(text);
    expect(Buffer.from(await body.bytes()).toString()).toBe(text);
    expect(body.used).toBe(true);
    expect(body.take()).toBe(content);
  });

  it('has no stream when there is nothing', () => {
    expect(new Body(() => null).stream()).toBeNull();
  });
});

describe('a streamed body', () => {
  it('fresh: opens its source when somebody looks at it', () => {
    const { seen, body } = streamed('a');
    expect([seen.opened, body.used, body.isBeingRead]).toEqual([0, false, false]);
    expect([body.whole, body.size, seen.opened]).toEqual([undefined, undefined, 1]);
  });

  it('fresh: hands the source itself to its sender, and is consumed', async () => {
    const { body } = streamed('a', 'b');
    expect(await textOf(body.take())).toBe('ab');
    expect(await codeOf(body.bytes())).toBe('BODY_CONSUMED');
  });

  it('shared: gives readers, copies and the sender all of it', async () => {
    const { seen, body } = streamed('a', 'b');
    const copy = body.copy();
    const stream = body.stream();
    expect(await body.text()).toBe('ab');
    expect(await textOf(copy)).toBe('ab');
    expect(await new globalThis.Response(stream as never).text()).toBe('ab');
    expect(await textOf(body.take())).toBe('ab');
    expect([seen.opened, body.used, body.taken]).toEqual([1, true, true]);
  });

  it('shared: collects its bytes once', () => {
    const { body } = streamed('a');
    expect(body.bytes()).toBe(body.bytes());
  });

  it('sent: gives the chunks read so far back to where they came from', async () => {
    const { body } = streamed('a', 'b');
    const reader = (body.stream() as ReadableStream).getReader();
    await reader.read();
    expect(body.takeUnread().map(chunk => Buffer.from(chunk as never).toString())[0]).toBe('a');
    expect(await codeOf(body.bytes())).toBe('BODY_CONSUMED');
  });

  it('gone: closes the producer that nobody has begun to read', async () => {
    const closed: string[] = [];
    const body = new Body(() => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ value: bytes('a'), done: false as const }),
        return: async () => ({ value: closed.push('closed'), done: true as const }),
      }),
    }));
    await body.closeUnread();
    expect(closed).toEqual(['closed']);
    expect(body.closeUnread()).toBe(body.closeUnread());
  });

  it('keeps its producer for a reader that has begun', async () => {
    const { seen, body } = streamed('a', 'b');
    const reading = body.text();
    expect(body.closeUnread()).toBeUndefined();
    expect(await reading).toBe('ab');
    expect(seen.closed).toBe(1);
  });

  it('is left to its sender when the exchange ends', async () => {
    const { seen, body } = streamed('a');
    const sent = body.take() as AsyncGenerator<Uint8Array>;
    await sent.next();
    expect(body.closeWhenIdle()).toBeUndefined();
    expect(body.closeWhenLeft(false)).toBeUndefined();
    expect(seen.closed).toBe(0);
  });

  it('refuses bytes beyond its limit with a 413', async () => {
    const body = new Body(streamedContent('abc', 'def'), { limit: () => 4 });
    expect(await codeOf(body.bytes())).toBe(413);
  });

  it('knows the streams and the bytes it gave', async () => {
    const { body } = streamed('ab');
    const stream = body.stream();
    expect([body.gave(stream, null), body.gave({}, bytes('ab'))]).toEqual([true, false]);
    await body.bytes();
    expect([body.gave({}, bytes('ab')), body.gave({}, bytes('ac'))]).toEqual([true, false]);
  });
});

function streamedContent(...chunks: string[]): () => Content {
  return async function* () {
    for (const chunk of chunks) yield bytes(chunk);
  };
}
