import { Readable } from 'node:stream';
import {
  answerUnhandled,
  type Content,
  contentToSend,
  type Delivery,
  defaultMaxBodySize,
  Exchange,
  fillHeaders,
  Headers,
  HTTPException,
  type Layer,
  Request,
  type RequestSource,
  Response,
  runExchange,
  type Transport,
} from 'callnext/adapter';

/** A Fetch handler, as in Hono, Deno, Bun and workers. */
export type FetchHandler = (
  request: globalThis.Request,
) => globalThis.Response | Promise<globalThis.Response>;

/** Wraps a Fetch handler in a layer. */
export function toFetch(layer: Layer, handler: FetchHandler): FetchHandler {
  return native => {
    const transport = new FetchTransport(native.method);
    const exchange = new Exchange(
      new Request(new FetchSource(native)),
      transport,
    );
    transport.exchange = exchange;
    // Never rejects: failures go to `onError` or to the transport.
    void runExchange(exchange, layer, async request => {
      const answer = await handler(request.native);
      return new Response(
        answer.body as ReadableStream<Uint8Array>,
        answer as never,
      );
    });
    return transport.answer;
  };
}

/** The source of the request: each member is read only when it is needed. */
class FetchSource implements RequestSource {
  readonly client = null;
  readonly pathParams = {};
  maxBodySize: number = defaultMaxBodySize;
  bodyLimit = Number.POSITIVE_INFINITY;
  readonly raw: globalThis.Request;

  constructor(request: globalThis.Request) {
    this.raw = request;
  }

  get method(): string {
    return this.raw.method;
  }

  get url(): string {
    return this.raw.url;
  }

  get path(): string {
    return new URL(this.raw.url).pathname;
  }

  get host(): string {
    return new URL(this.raw.url).host;
  }

  get headers(): Headers {
    return new Headers([...this.raw.headers]);
  }

  get signal(): AbortSignal {
    return this.raw.signal;
  }

  body(): Content {
    return this.raw.body as Content;
  }

  /** No body parser runs before the layer. */
  parsedBody(): undefined {
    return undefined;
  }

  decode(
    body: AsyncIterable<Uint8Array>,
    coding: string,
  ): AsyncIterable<Uint8Array> {
    if (coding !== 'gzip' && coding !== 'deflate')
      throw new HTTPException(
        415,
        `The content encoding ${JSON.stringify(coding)} is not supported.`,
      );
    const decoder = new DecompressionStream(coding) as never;
    return Readable.toWeb(Readable.from(body)).pipeThrough(decoder) as never;
  }

  async readForm(
    body: AsyncIterable<Uint8Array>,
    type: string,
  ): Promise<FormData> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return new globalThis.Response(new Blob(chunks as never), {
      headers: { 'content-type': type },
    }).formData();
  }
}

/** Handles the outcome. */
class FetchTransport implements Transport {
  readonly answer: Promise<globalThis.Response>;
  exchange: Exchange | undefined;
  readonly #method: string;
  #answerWith!: (response: globalThis.Response) => void;

  constructor(method: string) {
    this.#method = method;
    this.answer = new Promise(resolve => {
      this.#answerWith = resolve;
    });
  }

  /** Resolves when the last byte is sent or the client has disconnected. */
  send(response: Response): Promise<Delivery> {
    const { status, statusText } = response;
    const content = contentToSend(response, this.#method);
    const isStream =
      content !== null &&
      typeof content === 'object' &&
      !(content instanceof Uint8Array);
    const { body, delivered } = isStream
      ? pumped(content)
      : {
          body: content,
          delivered: Promise.resolve({ outcome: 'sent' as const }),
        };
    this.#answerWith(
      new globalThis.Response(body as never, {
        status,
        statusText,
        headers: [...response.headers],
      }),
    );
    return delivered;
  }

  /** Answers an unhandled error: there is no framework with an error page. */
  async fail(error: Error, headers: Headers | undefined): Promise<Delivery> {
    const page = answerUnhandled(this.exchange as Exchange, error, 'request');
    if (headers) fillHeaders(page.headers, headers);
    return this.send(page);
  }
}

function pumped(content: AsyncIterable<string | Uint8Array>): {
  body: ReadableStream<Uint8Array>;
  delivered: Promise<Delivery>;
} {
  const chunks = content[Symbol.asyncIterator]();
  let settle!: (delivery: Delivery) => void;
  const delivered = new Promise<Delivery>(resolve => {
    settle = resolve;
  });
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await chunks.next();
        if (!done)
          return controller.enqueue(
            typeof value === 'string' ? Buffer.from(value) : value,
          );
        controller.close();
        settle({ outcome: 'sent' });
      } catch (error) {
        controller.error(error);
        settle({ outcome: 'aborted', error: error as Error });
      }
    },
    async cancel() {
      await chunks.return?.();
      settle({ outcome: 'aborted' });
    },
  });
  return { body, delivered };
}
