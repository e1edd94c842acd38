import { misuse } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';
import { checkedIterable, iteratorOf } from './body-source.js';
import { type ResponseInit, responseOptions } from './head.js';
import { serialize } from './json.js';
import { Response } from './response.js';
import { optionNames } from './response-keys.js';

/** The fields of an event (HTML, 9.2). */
export interface ServerSentEventInit {
  /** Written as JSON; the client reads it with `JSON.parse(event.data)`. */
  data?: unknown;
  /** Text that is sent unchanged, in place of `data`. */
  rawData?: string;
  /** The event type; clients without a listener for it ignore the event. */
  event?: string;
  /** The client sends it back as `last-event-id` when it reconnects. */
  id?: string | number;
  /** How long the client waits before it reconnects, in milliseconds. */
  retry?: number;
  /** Lines that clients ignore. */
  comment?: string;
}

const knownFields = {
  data: true,
  rawData: true,
  event: true,
  id: true,
  retry: true,
  comment: true,
} satisfies OptionNames<ServerSentEventInit>;

const brand = Symbol.for('callnext.ServerSentEvent');

/**
 * One event of an `EventSourceResponse`, as FastAPI's `ServerSentEvent`. Throws `SERVER_SENT_EVENT` for a
 * value that the format cannot express, and `NOT_SERIALIZABLE`.
 */
export class ServerSentEvent {
  /** The text on the wire, with its closing blank line. */
  readonly text: string;

  constructor(init: ServerSentEventInit) {
    checkOptions('new ServerSentEvent()', init, knownFields);
    const { data, rawData, event, retry, comment } = init;
    const id = typeof init.id === 'number' ? String(init.id) : init.id;
    for (const [name, value] of Object.entries({ rawData, event, id, comment }))
      if (value !== undefined && typeof value !== 'string')
        throw misuse('SERVER_SENT_EVENT', `\`${name}\` is not a string`);
    if (data !== undefined && rawData !== undefined)
      throw misuse('SERVER_SENT_EVENT', 'it has both `data` and `rawData`');
    for (const [name, value] of Object.entries({ event, id }))
      if (value !== undefined && /[\r\n]/.test(value))
        throw misuse('SERVER_SENT_EVENT', `\`${name}\` has a line break`);
    if (id?.includes('\0')) throw misuse('SERVER_SENT_EVENT', '`id` contains a NUL, and clients ignore it');
    if (retry !== undefined && !(Number.isInteger(retry) && retry >= 0))
      throw misuse('SERVER_SENT_EVENT', '`retry` is not a whole number of at least 0');
    const content = data === undefined ? rawData : serialize(data);
    const fields: [name: string, value: string | undefined][] = [
      ['', comment],
      ['event', event],
      ['data', content],
      ['id', id],
      ['retry', retry?.toString()],
    ];
    this.text = `${fields.map(([name, value]) => linesOf(name, value)).join('')}\n`;
  }

  get [brand](): true {
    return true;
  }
}

function linesOf(name: string, value: string | undefined): string {
  if (value === undefined) return '';
  const lines = value.split(/\r\n|\r|\n/).map(line => `${name}: ${line}\n`);
  return lines.join('');
}

/** The options of an `EventSourceResponse`. */
export interface EventSourceInit extends ResponseInit {
  /**
   * A comment keeps the connection alive after this many milliseconds without an event. The default is
   * 15,000; 0 disables it.
   */
  pingInterval?: number;
}

const knownOptions = { ...responseOptions, pingInterval: true } satisfies OptionNames<EventSourceInit>;

/** A Node stream qualifies too. */
type EventSource = AsyncIterable<unknown> | Iterable<unknown> | ReadableStream<unknown>;

const ping = ': ping\n\n';

/**
 * Streams server-sent events from a generator. It yields a `ServerSentEvent`, or any other value, which
 * becomes the JSON `data` of an event.
 *
 * ```ts
 * const prices = endpoint({}, ({ request }) => new EventSourceResponse((async function* () {
 *   for await (const [price] of on(market, 'price', { signal: request.signal })) yield price;
 * })()));
 * ```
 *
 * The head is sent at once. When the client leaves, the generator is closed. A generator that awaits
 * something is closed only when that settles, and keeps its dependencies for up to 5 seconds or the layer's
 * `timeout`: pass `request.signal` to what it awaits. `cache-control` includes `no-transform`, because
 * compression delays events. Throws `SERVER_SENT_EVENT`. FastAPI's `EventSourceResponse`.
 */
export class EventSourceResponse extends Response {
  static override readonly [optionNames] = knownOptions;

  constructor(events: EventSource, init: EventSourceInit = noOptions) {
    const { pingInterval = 15_000 } = init;
    if (!(typeof pingInterval === 'number' && pingInterval >= 0 && pingInterval < 2 ** 31))
      throw misuse('SERVER_SENT_EVENT', '`pingInterval` is not a number of milliseconds');
    checkedIterable(events);
    super(
      { [Symbol.asyncIterator]: () => new EventStream(events, pingInterval) },
      init,
      'text/event-stream; charset=utf-8',
    );
    const { headers } = this;
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-cache, no-transform');
    if (!headers.has('x-accel-buffering')) headers.set('x-accel-buffering', 'no');
  }
}

type Event = IteratorResult<unknown>;
type Sent = IteratorResult<string, undefined>;

/** The next event: not requested yet, requested, or arrived while a comment was being sent. */
type Next = 'unasked' | 'asked' | { readonly event: Event } | { readonly error: unknown };

/**
 * The events, with comments during long silences. Creates few objects per client, because most clients wait
 * most of the time.
 */
class EventStream implements AsyncIterator<string, undefined> {
  readonly #events: AsyncIterator<unknown>;
  readonly #pingInterval: number;
  #next: Next = 'unasked';
  #waiting: { resolve(sent: Sent): void; reject(error: unknown): void } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(events: EventSource, pingInterval: number) {
    this.#events = iteratorOf(events);
    this.#pingInterval = pingInterval;
  }

  next(): Promise<Sent> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#next === 'unasked') this.#ask();
      else if (this.#next !== 'asked') return this.#deliver(this.#next);
      if (this.#pingInterval > 0) this.#timer = setTimeout(sendPing, this.#pingInterval, this);
    });
  }

  #ask(): void {
    this.#next = 'asked';
    this.#events.next().then(
      event => this.#deliver({ event }),
      error => this.#deliver({ error }),
    );
  }

  #deliver(next: Exclude<Next, string>): void {
    const waiting = this.#waiting;
    this.#next = next;
    if (!waiting) return;
    clearTimeout(this.#timer);
    this.#waiting = undefined;
    this.#next = 'unasked';
    if ('error' in next) return waiting.reject(next.error);
    try {
      waiting.resolve(next.event.done ? ended : { value: textOf(next.event.value), done: false });
    } catch (thrown) {
      waiting.reject(thrown);
    }
  }

  ping(): void {
    this.#waiting?.resolve({ value: ping, done: false });
    this.#waiting = undefined;
  }

  async return(): Promise<Sent> {
    clearTimeout(this.#timer);
    await this.#events.return?.();
    return ended;
  }
}

const ended: Sent = { value: undefined, done: true };

function sendPing(stream: EventStream): void {
  stream.ping();
}

/** Whether a value is an event, even of another copy of the package. */
export function isServerSentEvent(value: unknown): value is ServerSentEvent {
  return typeof value === 'object' && value !== null && brand in value;
}

function textOf(event: unknown): string {
  return (isServerSentEvent(event) ? event : new ServerSentEvent({ data: event ?? null })).text;
}
