import type http from 'node:http';
import { Layer, type Middleware, Response } from 'callnext';
import { serving } from './arrangements.js';
import { type Answer, type Asked, Wire } from './kept-wire.js';

export type { Asked } from './kept-wire.js';

/** A feature from a framework's documentation, and the requests that show it. */
export interface Feature<App> {
  readonly title: string;
  /** Sets the feature up, and logs what can only be seen from inside. */
  readonly build: (app: App, log: (entry: unknown) => void) => void;
  readonly asks: readonly Asked[];
  /** Runs before the layer is mounted: settings that Express reads when the first middleware is added. */
  readonly prepare?: (app: App) => void;
  /** The only major version that has the feature. */
  readonly major?: number;
  /** An endpoint also runs for HEAD, so middleware sees a body. */
  readonly isEndpoint?: boolean;
  /** Why the body is `null` for middleware, so that nothing can be rewritten. */
  readonly isNull?: string;
  /** Why the body has other chunks once it was read. */
  readonly isRechunked?: string;
  /** For a failing body: the answer if a middleware waits for all of it, and why. A streamed body is cut. */
  readonly instead?: readonly [status: string, why: string];
  /** The framework answers an error outside the layer, so `callNext` rejects and nothing can be rewritten. */
  readonly isPastLayer?: boolean;
}

export interface Played {
  readonly answers: readonly Answer[];
  readonly log: readonly string[];
}

const prefix = 'rewritten: ';

/** How a layer treats the body, and whether it rewrites bodies of a type. */
export interface Mode {
  readonly name: string;
  readonly middleware: Middleware;
  readonly rewrites?: (contentType: string) => boolean;
  readonly isStreamed?: boolean;
}

const isText = (type: string): boolean => /^text\/|json|javascript|xml/.test(type);

export const modes: readonly Mode[] = [
  {
    name: 'that reads a clone of the response',
    async middleware(request, callNext) {
      const response = await callNext(request);
      await response.clone().text();
      return response;
    },
  },
  {
    name: 'that reads the body as a stream',
    async middleware(request, callNext) {
      const response = await callNext(request);
      for await (const _chunk of response.clone().body ?? []);
      return response;
    },
  },
  {
    name: 'that rewrites texts',
    rewrites: isText,
    async middleware(request, callNext) {
      const response = await callNext(request);
      if (response.body === null || !isText(response.headers.get('content-type') ?? '')) return response;
      return new Response(prefix + (await response.text()), response);
    },
  },
  {
    name: 'that rewrites every body as a stream',
    rewrites: () => true,
    isStreamed: true,
    async middleware(request, callNext) {
      const response = await callNext(request);
      return response.body === null ? response : new Response(prepend(response.body), response);
    },
  },
];

async function* prepend(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(prefix);
  yield* body;
}

/** A layer with one middleware that does not print what native code does wrong after its answer. */
export const layerOf = ({ middleware }: Mode): Layer =>
  new Layer({ middleware: [middleware], onError: () => undefined });

/** Sends all requests of a feature, and the first one again, on one connection if it stays open. */
export async function play(
  listener: http.RequestListener,
  log: string[],
  asks: readonly Asked[],
): Promise<Played> {
  const open = new Set<Promise<unknown>>();
  const answers = await serving(watched(listener, log, open), async port => {
    const wire = new Wire(port);
    const seen: Answer[] = [];
    for (const asked of [...asks, asks[0] ?? '']) seen.push(await wire.ask(asked));
    // The client has the last byte before the server sees the end of the response.
    await Promise.all(open);
    await wire.close();
    return seen;
  });
  return { answers, log };
}

/** The events of the framework's response are compared too. */
function watched(
  listener: http.RequestListener,
  log: string[],
  open: Set<Promise<unknown>>,
): http.RequestListener {
  return (req, res) => {
    open.add(new Promise(resolve => res.once('close', resolve)));
    for (const event of ['finish', 'close', 'error', 'pipe', 'unpipe'])
      res.on(event, () => log.push(`response ${event}`));
    listener(req, res);
  };
}

/** Headers that describe one body (core/http/response.ts), and not a rewritten one. */
const ofBody =
  /^(content-length|transfer-encoding|trailer|content-encoding|etag|last-modified|accept-ranges|content-md5|digest):/i;

/** The expected answer below a layer: the same as without it, or the same text behind a prefix. */
function expected(bare: Answer, mode: Mode, feature: Feature<never>, get: Answer | undefined): unknown {
  const type = bare.head.find(line => /^content-type:/i.test(line))?.slice('content-type: '.length) ?? '';
  const isBodyless = (get && !feature.isEndpoint) || /^HTTP\/1\.1 (204|205|304) /.test(bare.head[0] ?? '');
  if (isBodyless || feature.isNull || feature.isPastLayer || !mode.rewrites?.(type))
    return feature.isRechunked ? { ...bare, raw: undefined } : bare;
  const body = prefix + (get ?? bare).body;
  const { informational, connection } = bare;
  const kept = joined(bare.head.filter(line => !ofBody.test(line)));
  const length = mode.isStreamed ? [] : [`content-length: ${body.length}`];
  const framing = mode.isStreamed && !get ? ['transfer-encoding: chunked'] : length;
  return { informational, head: sorted([...kept, ...framing]), body: get ? '' : body, connection };
}

/** The comparable part of an answer: of a rewritten body, neither the header order nor the chunks. */
function comparable(answer: Answer, wanted: unknown): unknown {
  if (typeof wanted === 'object' && wanted !== null && 'raw' in wanted)
    return wanted.raw === undefined ? { ...answer, raw: undefined } : answer;
  const { informational, head, body, connection } = answer;
  return { informational, head: sorted(head), body, connection };
}

/** `Headers` joins repeated names, except cookies. */
function joined(lines: readonly string[]): string[] {
  const values = new Map<string, string[]>();
  for (const line of lines) {
    const [name = '', value = ''] = line.split(/: (.*)/s);
    const key = /^set-cookie$/i.test(name) ? line : name;
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  return [...values].map(([name, given]) =>
    name.includes(':') || name.startsWith('HTTP/') ? name : `${name}: ${given.join(', ')}`,
  );
}

/** A new response has lower-case names, as in Fetch. */
function sorted([status = '', ...headers]: readonly string[]): string[] {
  return [status, ...headers.map(line => line.replace(/^[^:]+/, name => name.toLowerCase())).sort()];
}

/** Asserts that a feature answers as without the layer, except for what the mode rewrites. */
export function expectSame(bare: Played, layered: Played, mode: Mode, feature: Feature<never>): void {
  if (feature.instead) {
    const [status] = feature.instead;
    const cut = layered.answers.map(({ connection }) => connection);
    const told = layered.answers.map(({ head, connection }) => [head[0], connection]);
    if (mode.isStreamed) expect(cut).toEqual(bare.answers.map(() => 'cut'));
    else expect(told).toEqual(bare.answers.map(() => [status, 'kept']));
    return;
  }
  const asked = [...feature.asks, feature.asks[0] ?? ''].map(firstLine);
  const wanted = bare.answers.map((answer, index) => {
    const [, target] = /^HEAD (.*)/.exec(asked[index] ?? '') ?? [];
    const get = target === undefined ? undefined : bare.answers[asked.indexOf(`GET ${target}`)];
    return expected(answer, mode, feature, target === undefined ? undefined : (get ?? answer));
  });
  // The framework frames a changed body in its own way.
  const seen = (log: readonly string[]): readonly string[] =>
    mode.rewrites || feature.isPastLayer || feature.isEndpoint
      ? log.filter(entry => !/^response (un)?pipe$/.test(entry))
      : log;
  expect({
    answers: layered.answers.map((answer, index) => comparable(answer, wanted[index])),
    log: seen(layered.log),
  }).toEqual({ answers: wanted, log: seen(bare.log) });
}

const firstLine = (asked: Asked): string => (typeof asked === 'string' ? asked : (asked[0] ?? ''));
