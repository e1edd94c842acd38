import type { DependencyRun } from '../dependencies/dependency-run.js';
import type { AnyGenerator } from '../dependencies/generator-context.js';
import { carries, misuse, toError } from '../errors.js';
import type { Chunk } from '../http/body-source.js';
import { discard } from '../http/discard.js';
import { EventSourceResponse, isServerSentEvent } from '../http/event-source-response.js';
import type { ResponseInit } from '../http/head.js';
import { serialize } from '../http/json.js';
import type { Request } from '../http/request.js';
import { Response } from '../http/response.js';
import { isResponseLike } from '../http/response-like.js';
import { bodyOf } from '../http/response-parts.js';

/** A response class that is constructed with the endpoint's result or stream, and the status. */
export type ResponseClass = new (content: never, init?: ResponseInit) => Response;

/** The part of an exchange that a stream needs. */
export interface StreamRun extends Pick<DependencyRun, 'injected'> {
  /** Runs a function in the async context of the endpoint. */
  inContext<T>(run: () => T): T;
  /** Called with a failure that was replaced by one that does not have it among its causes. */
  readonly reports: { failureLost(lost: Error): void };
}

interface Streaming {
  readonly name: string;
  readonly status: number | undefined;
  readonly responseClass: ResponseClass | undefined;
}

/**
 * Makes the response of a generator endpoint. Waits for the first value, which decides the kind of stream, so
 * that an earlier failure is answered like any other; not for a declared `EventSourceResponse`. Throws
 * `STREAM_VALUE`, `STREAM_RETURNED`, `RESPONSE_CLASS_WHOLE` and `NOT_SERIALIZABLE`.
 */
export async function streamResponse(
  generator: AnyGenerator,
  { name, status, responseClass }: Streaming,
  run: StreamRun,
): Promise<Response> {
  const yielded = new Yielded(generator, run);
  const init = status === undefined ? {} : { status };
  try {
    if (responseClass === undefined || !isEventSource(responseClass)) await yielded.begin(name);
    if (responseClass) return ofClass(responseClass, yielded, name, init);
    return ofFirstValue(yielded, name, init);
  } catch (thrown) {
    await closeAfter(toError(thrown), yielded, run);
    throw thrown;
  }
}

function isEventSource(responseClass: ResponseClass): boolean {
  return responseClass === EventSourceResponse || responseClass.prototype instanceof EventSourceResponse;
}

function ofClass(responseClass: ResponseClass, yielded: Yielded, name: string, init: ResponseInit): Response {
  const response = new responseClass(yielded as never, init);
  // A class with a complete body has consumed the generator object instead of its values.
  if (bodyOf(response).whole !== undefined) throw misuse('RESPONSE_CLASS_WHOLE', responseClass.name, name);
  return response;
}

function ofFirstValue(yielded: Yielded, name: string, init: ResponseInit): Response {
  const { first } = yielded;
  if (isServerSentEvent(first)) {
    yielded.convert(value => (isForeign(value) ? refuse(name, 'server-sent events', value) : value));
    return new EventSourceResponse(yielded, init);
  }
  if (typeof first !== 'string' && !isBytes(first)) {
    yielded.convert(value => lineOf(value, name));
    return new Response(yielded as AsyncIterable<string>, init, 'application/jsonl');
  }
  yielded.convert(value => chunkOf(value, name));
  const type = typeof first === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream';
  return new Response(yielded as AsyncIterable<Chunk>, init, type);
}

/** One line of JSON Lines; JSON itself contains no line breaks. */
function lineOf(value: unknown, name: string): string {
  if (isForeign(value) || isServerSentEvent(value)) return refuse(name, 'JSON Lines', value);
  return serialized(value);
}

function serialized(value: unknown): string {
  try {
    return `${serialize(value)}\n`;
  } catch (thrown) {
    discard(value);
    throw thrown;
  }
}

function chunkOf(value: unknown, name: string): Chunk {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return refuse(name, 'text or bytes', value);
}

function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

/** Whether a value would lose its content as JSON. */
function isForeign(value: unknown): boolean {
  return isBytes(value) || isResponseLike(value);
}

function refuse(name: string, stream: string, value: unknown): never {
  discard(value);
  throw misuse('STREAM_VALUE', name, isResponseLike(value) ? undefined : stream, value);
}

/** Closes the generator before the dependencies that it uses receive the failure. */
async function closeAfter(failure: Error, yielded: Yielded, run: StreamRun): Promise<void> {
  try {
    await yielded.return();
  } catch (thrown) {
    const error = toError(thrown);
    if (!carries(error, failure)) run.reports.failureLost(failure);
    throw error;
  }
}

/** The values of a generator. Closing it closes the generator, even before it has started. */
class Yielded implements AsyncIterableIterator<unknown, undefined> {
  readonly #generator: AnyGenerator;
  readonly #run: StreamRun;
  /** The first result, until it is consumed. */
  #begun: IteratorResult<unknown, undefined> | undefined;
  #convert: ((value: unknown) => unknown) | undefined;

  constructor(generator: AnyGenerator, run: StreamRun) {
    this.#generator = generator;
    this.#run = run;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Marks the use as JSON by a response class, which `ofClass` then rejects. */
  toJSON(): object {
    return {};
  }

  get first(): unknown {
    return this.#begun?.value;
  }

  /** Runs the generator up to its first value or its end. */
  async begin(name: string): Promise<void> {
    try {
      const result = await this.#pull();
      if (result.done && result.value !== undefined) {
        discard(result.value);
        throw misuse('STREAM_RETURNED', name, result.value);
      }
      this.#begun = result as IteratorResult<unknown, undefined>;
    } catch (thrown) {
      // When the client leaves, a wait with `request.signal` rejects like this; that is not a failure.
      if (!saysAborted(thrown, this.#run.injected.request)) throw thrown;
      this.#begun = { value: undefined, done: true };
    }
  }

  /** Converts all values, starting with the first one now, because it may be unsendable. */
  convert(convert: (value: unknown) => unknown): void {
    this.#convert = convert;
    if (this.#begun?.done === false) this.#begun = { value: convert(this.#begun.value), done: false };
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#begun) {
      const begun = this.#begun;
      this.#begun = undefined;
      return begun;
    }
    const { value, done } = await this.#pull();
    if (done) return { value: undefined, done };
    return { value: this.#convert ? this.#convert(value) : value, done: false };
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    await this.#run.inContext(() => this.#generator.return());
    return { value: undefined, done: true };
  }

  async #pull(): Promise<IteratorResult<unknown>> {
    const { value, done = false } = await this.#run.inContext(() => this.#generator.next());
    // A sync generator may yield promises.
    return { value: done ? value : await value, done };
  }
}

/** Whether an error only reports the abort of `request.signal` because the client left. */
function saysAborted(thrown: unknown, { signal }: Request): boolean {
  if (!signal.aborted) return false;
  const isOfClient = toError(signal.reason).name === 'AbortError';
  return isOfClient && toError(thrown).name === 'AbortError';
}
