import { Readable, Stream } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  asThrown,
  type Client,
  ClientDisconnect,
  type Delivery,
  detach,
  followTarget,
  type Headers,
  holdsInjected,
  isBodyless,
  isClosedInTime,
  observe,
  type ParsedBody,
  type Request,
  type Response,
  type RouterParams,
  toError,
} from '../../core/adapter.js';
import {
  belowMount,
  clientOf,
  type Frame,
  type FrameworkRequest,
  type HeldResponse,
  type LayerRun,
  NativeExchange,
  NodeRequestSource,
  parsedBodyOf,
  readTarget,
  type Target,
} from '../node/shared.js';
import { answerable, answerableChunks, originalOf } from './answerable.js';
import {
  applyToContext,
  type ContextState,
  contentOf,
  contextView,
  isClosing,
  isCutOff,
  putBack,
  reasonOf,
  restoreContext,
  stateOf,
  toldOnce,
  undoLateBody,
  type ViewOwner,
  viewed,
} from './context-response.js';
import type { KoaContext, KoaNext } from './koa-types.js';
import { routerParams } from './router-params.js';
import { SourceErrors } from './source-errors.js';

/**
 * One request on Koa's context. Native code answers on `ctx.body`, which Koa sends when its middleware is through, or on
 * `ctx.res`, which is held as any native response is.
 */
export class KoaExchange extends NativeExchange implements ViewOwner {
  override readonly host = 'koa';
  /** Koa is given an error by a promise, and answers it in the context of those who wait for that. */
  protected override readonly tellsPages = false;
  readonly ctx: KoaContext;
  /** Settles when Koa is to go on: with what its own error handling is to answer. */
  readonly handedBack: Promise<void>;
  readonly #framework: KoaRequest;
  #watched: Set<object> | undefined;
  #errors: SourceErrors | undefined;
  #outermost: Frame | undefined;
  #handBack!: () => void;
  #handError!: (thrown: unknown) => void;
  #bodyFailure: { readonly body: unknown; readonly error: Error } | undefined;
  /** What the body failed with while Koa was sending it. Koa 2 leaves such a response open; its client ends it. */
  #lateFailure: Error | undefined;
  #placed = false;
  /** Whether Koa would answer, if it had not been kept from it. */
  #isTaken = false;
  /** Whether the last response of ours on the context is a 205. */
  #hasPlacedReset = false;

  constructor(ctx: KoaContext) {
    const framework = new KoaRequest(ctx);
    const source = new NodeRequestSource(ctx.req, framework);
    super(ctx.req, ctx.res as never, source, thrown => this.#giveBack(thrown));
    this.ctx = ctx;
    this.#framework = framework;
    this.handedBack = new Promise((resolve, reject) => {
      this.#handBack = resolve;
      this.#handError = reject;
    });
  }

  #giveBack(thrown: unknown): void {
    this.#errors?.handedBack();
    this.#handError(answerable(thrown));
  }

  get #sourceErrors(): SourceErrors {
    this.#errors ??= new SourceErrors(this.ctx, () => this.#placed);
    return this.#errors;
  }

  isSent(): boolean {
    return this.#placed;
  }

  failed(error: Error): void {
    this.#sourceErrors.failed(error);
  }

  /** It is made by its outermost layer or endpoint, which runs it. */
  override get hasBegun(): boolean {
    return true;
  }

  /** Goes on to the middleware below. Resolves when it has answered, on the context or on the native response. */
  below(run: LayerRun, request: Request, next: KoaNext): Promise<Response> {
    this.applyTo(run, request, target => {
      this.ctx.url = belowMount(target, this.#framework.mount);
    });
    const frame = this.waitIn(run);
    frame.before = stateOf(this.ctx);
    this.#outermost ??= frame;
    const chain = this.callNative(() => promised(() => this.runBelow(next)));
    if (frame === run.frames[0]) run.chain = chain;
    chain.then(
      () => this.#chainFulfilled(frame),
      error => {
        if (!frame.waits) this.#failedLate(frame, error);
        if (frame.waits) frame.reject(error);
      },
    );
    return frame.response;
  }

  /** Runs a middleware of Koa as one of a layer's. */
  among(
    request: Request,
    callNext: (request: Request) => Promise<Response>,
    middleware: (ctx: KoaContext, next: KoaNext) => unknown,
  ): Promise<Response> {
    const run = this.currentRun;
    const depth = run.frames.length + 1;
    return this.below(run, request, async () => {
      const next = async (): Promise<void> => {
        try {
          followTarget(request);
          const response = await this.goOnIn(run, () => callNext(request));
          this.placeInner(this.leaveInside(run, depth), response);
        } catch (thrown) {
          this.failOut(this.leaveInside(run, depth));
          throw asThrown(toError(thrown));
        }
      };
      await middleware(this.ctx, next);
    });
  }

  /** An exception travels on by itself, out of a layer: what was answered below is not sent. */
  failOut(frame: Frame | undefined): void {
    this.drop(frame);
    if (frame?.received && frame.held.state === 'held') this.#failOutOf(frame);
    this.#undo(frame);
  }

  /** An answer on the native response is not sent, unless it goes on: then it stands for those further out. */
  #failOutOf({ held, entry }: Frame): void {
    if (!held.ended) return held.waiters.at(-1)?.answered(held.view);
    held.bypass();
    this.bypass(held.previous, false, entry);
  }

  #undo(frame: Frame | undefined): void {
    if (frame?.received) restoreContext(this.ctx, frame.entry, frame.before as ContextState);
  }

  /** An error is on its way to native code that may answer it: the dependencies get it before that answer goes on. */
  observeBelow(thrown: unknown): void {
    if (this.passedOn !== undefined) return;
    const { innermost: frame, exchange } = this;
    const isUnanswered = frame?.waits || this.abandoned.length > 0;
    if (!isUnanswered && this.saysClosed(thrown)) return;
    const error = toError(thrown);
    if (isUnanswered || (frame && this.#takeBack(frame))) observe(exchange, error);
    else if (!this.overtake(error)) this.failedLate(error);
  }

  /**
   * Native code has failed after it answered on the native response. Where it holds dependencies, and nobody has been given the answer, the
   * response is as it was before that, for whoever answers the error; elsewhere nothing more will be written, and who reads must not wait.
   */
  #failedLate(frame: Frame, thrown: unknown): void {
    if (this.saysClosed(thrown)) return;
    const error = toError(thrown);
    if (this.#takeBack(frame) || this.overtake(error)) return;
    if (frame.received !== undefined) this.failedLate(error);
    else frame.held.failBody(error);
  }

  #takeBack(frame: Frame): boolean {
    const { holding, exchange } = this;
    const isFree = holding === frame.held && holding.ended && holdsInjected(exchange);
    if (!isFree || !frame.takeBack()) return false;
    holding.bypass();
    this.bypass(holding.previous, false, frame.entry);
    this.ctx.respond = true;
    return true;
  }

  /** What is on the context is sent, whatever native code had answered on the native response. */
  protected override overtake(thrown: unknown): boolean {
    const overtakes = super.overtake(thrown);
    if (overtakes) this.ctx.respond = true;
    return overtakes;
  }

  /** An inner layer or an endpoint is through: those around it see its response on the context. */
  placeInner(frame: Frame | undefined, response: Response): void {
    if (frame) this.leave(frame, response);
    // Somebody further out did not wait and has answered: the context is no longer this one's to change.
    if (!this.innermost?.waits) return this.tooLate(response);
    // Native code has taken the connection over: there is no context to put anything on.
    if (this.end.isAnsweredElsewhere) return this.innermost.answered(response);
    // What is held is the same response for those further out.
    if (frame?.held.state === 'held') return this.#handOn(frame.held, response);
    // Koa's own answer goes through the methods that native code has put on the response.
    if (frame && frame.held !== this.root && frame.held.waiters.length === 0) frame.held.release();
    // What was to answer on the native response has not been waited for, or has gone on: nothing on the context would be sent.
    const isRaw = this.ctx.respond === false && !this.#isTaken && !this.#isView(response);
    if (isRaw) return this.innermost.answered(response);
    try {
      this.#place(frame, response);
    } finally {
      this.exchange.replaced(response);
    }
  }

  /** Gives what is held to the next layer. Without one, methods of native code stand between this hold and the next one. */
  #handOn(held: HeldResponse, response: Response): void {
    const next = held.waiters.at(-1);
    if (!this.#isView(response)) return next ? next.answered(response) : this.finish(held, response);
    // Koa 2 answers on the native response where a body on the context fails, whoever reads that.
    this.exchange.replaced(response);
    if (next) next.answered(held.view);
    else held.release();
  }

  #place(frame: Frame | undefined, response: Response): void {
    if (this.#isView(response)) {
      this.#throwBodyFailure();
      if (this.wasAbandoned) undoLateBody(this.ctx, viewed(this.ctx, response)?.body);
      putBack(this.ctx, response);
    } else {
      if (frame && response !== frame.received) frame.baseOf(response).restore(this.res);
      this.#hasPlacedReset = response.status === 205;
      this.keep(applyToContext(this.ctx, response));
    }
  }

  override async send(response: Response): Promise<Delivery> {
    try {
      this.#placeOutermost(response);
    } catch (thrown) {
      const error = toError(thrown);
      this.exchange.replaced(response);
      await this.fail(error);
      return { outcome: 'aborted', error };
    }
    this.#placed = true;
    this.#handBack();
    return this.delivered();
  }

  override fail(error: Error, headers?: Headers): Promise<Delivery> {
    // Koa hears of an error that came when the client had gone, as without a layer.
    const isTooLate = this.end.over !== undefined && !(error instanceof ClientDisconnect);
    if (isTooLate) this.#giveBack(asThrown(error));
    const delivered = super.fail(error, headers);
    if (this.root?.state === 'replaced') this.ctx.respond = false;
    else this.#undo(this.#outermost);
    this.#handBack();
    return delivered;
  }

  protected override delivered(): Promise<Delivery> {
    return super.delivered().then(delivery => {
      const hasStream =
        this.#watched !== undefined || this.#errors !== undefined || this.ctx.body instanceof Stream;
      return hasStream || delivery.outcome !== 'sent' ? this.#closed(delivery) : delivery;
    });
  }

  async #closed(delivery: Delivery): Promise<Delivery> {
    const closing = this.#closeBodies();
    if (closing) await isClosedInTime(this.exchange, closing);
    this.#errors?.tell();
    return delivery.outcome === 'sent'
      ? delivery
      : { ...delivery, error: delivery.error ?? this.#lateFailure };
  }

  /** Koa destroys a stream with its response. A generator in it may use the dependencies until it has closed. */
  #closeBodies(): Promise<void> | undefined {
    const { body: last } = this.ctx;
    if (this.#watched === undefined && !(last instanceof Stream)) return undefined;
    const bodies = [last, ...(this.#watched ?? [])];
    if (!bodies.some(isClosing)) return undefined;
    const close = async (): Promise<void> => {
      for (const body of bodies)
        if (isClosing(body)) await new Promise<void>(resolve => body.once('close', resolve));
    };
    return close();
  }

  /** What Koa runs below settles by itself, and is not taken its dependencies before; a native answer may never come. */
  protected override closed(): void {
    if (this.ctx.respond === false) super.closed();
    else {
      this.holding?.failBody(new ClientDisconnect());
      if (this.innermost?.waits) detach(this.exchange);
    }
  }

  #placeOutermost(response: Response): void {
    if (this.end.isAnsweredElsewhere) {
      this.leaveAll();
      return this.exchange.replaced(response);
    }
    const { root } = this;
    const frame = root?.waiters[0] as Frame | undefined;
    const isOurs = !this.#isView(response);
    // Koa sends a 205 without saying where it ends. A native one is left as it is.
    const isUnframed = response.status === 205 && (isOurs || this.#hasPlacedReset);
    const isRaw = root?.state === 'held' || (this.ctx.respond === false && isOurs) || isUnframed;
    if (!isRaw) {
      if (frame) this.leave(frame, response);
      this.#place(frame, response);
      this.leaveAll();
      root?.release();
    } else {
      if (isUnframed || (!root?.isViewedBy(response) && isOurs)) this.#takeFromKoa();
      if (this.#isView(response) && !isUnframed) root?.release();
      else this.write(response);
    }
  }

  #isView(response: Response): boolean {
    return viewed(this.ctx, response) !== undefined;
  }

  /** Koa is not to answer, because something else is sent than what is on the context. */
  #takeFromKoa(): void {
    this.#isTaken ||= this.ctx.respond !== false;
    this.ctx.respond = false;
  }

  #chainFulfilled(frame: Frame): void {
    const isRaw = this.ctx.respond === false && !this.#isTaken;
    // It would go on on the native response, which a layer has answered meanwhile.
    if (isRaw) return void this.answeredLate(frame);
    this.#watch(this.ctx.body);
    if (!frame.waits) {
      frame.held.whenStarved(() => this.#answerFromContext());
      return;
    }
    const view = contextView(this.ctx, this);
    if (this.answeredLate(frame)) this.exchange.replaced(view);
    else frame.answered(view);
  }

  /** The head was made on the native response, and the body is still on the context: who reads it can not wait for Koa. */
  #answerFromContext(): void {
    const { ctx, res, root } = this;
    if ((ctx.respond === false && !this.#isTaken) || root?.ended) return;
    this.#takeFromKoa();
    const content = contentOf(ctx, ctx.body, reasonOf(ctx));
    if (content === null || typeof content === 'string' || content instanceof Uint8Array)
      res.end(content ?? '');
    else {
      const chunks = toldOnce(answerableChunks(content), error => {
        this.holding?.failBody(error);
        res.destroy();
      });
      pipeline(Readable.from(chunks), res).catch(error => {
        this.failed(error);
        this.exchange.reports.tell(toError(error), 'response');
      });
    }
  }

  /** A body that has failed before it was sent counts only if it would be sent. */
  #throwBodyFailure(): void {
    const { ctx } = this;
    const failed = this.#bodyFailure;
    const isSent = failed?.body === ctx.body && !isBodyless(ctx.status) && this.req.method !== 'HEAD';
    if (failed && isSent && this.root?.state !== 'held') throw failed.error;
  }

  /** A body that fails while middleware is still at work would be an uncaught exception; later its failure is Koa's. */
  #watch(body: unknown): void {
    if (!(body instanceof Stream) || this.#watched?.has(body)) return;
    this.#watched ??= new Set();
    this.#watched.add(body);
    this.#sourceErrors.watch(body);
    body.once('error', thrown => {
      const error = originalOf(thrown);
      if (!this.#placed) this.#bodyFailure ??= { body, error };
      else if (this.ctx.body === body && !isCutOff(error, this.ctx)) this.#lateFailure ??= error;
    });
  }
}

/** koa-compose gives promises of the platform; what else it may be given is made one. */
function promised(run: () => unknown): Promise<unknown> {
  try {
    const returned = run();
    return returned instanceof Promise ? returned : Promise.resolve(returned);
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** What Koa knows of a request. */
class KoaRequest implements FrameworkRequest {
  readonly raw: KoaContext;
  #changed: string | undefined;

  constructor(ctx: KoaContext) {
    this.raw = ctx;
  }

  /** Respects `app.proxy`. */
  get scheme(): string {
    return this.raw.protocol;
  }

  /** Respects `app.proxy`. */
  get host(): string | undefined {
    return this.raw.host || undefined;
  }

  get asked(): string {
    return this.raw.originalUrl;
  }

  get nativeTarget(): string {
    return this.raw.url;
  }

  /** Not that of `originalUrl`: native code may have given the request another `url`. */
  get target(): Target {
    const here = readTarget(this.raw.url);
    return this.mount === '' ? here : { ...here, path: readTarget(this.#whole).path };
  }

  /** The path that koa-mount has taken away from `ctx.url`: nothing says so but that the whole one ends alike. */
  get mount(): string {
    const { url, mountPath } = this.raw;
    if (url === this.#whole || mountPath === undefined) return '';
    const [whole, below] = [readTarget(this.#whole).path ?? '', readTarget(url).path ?? ''];
    if (whole.endsWith(below)) return whole.slice(0, whole.length - below.length);
    return below === '/' ? whole : '';
  }

  get #whole(): string {
    return this.#changed ?? this.asked;
  }

  /** As koa-router and @koa/router note it. */
  get route(): string | undefined {
    const { _matchedRoute: route } = this.raw as { _matchedRoute?: unknown };
    return typeof route === 'string' ? route : undefined;
  }

  targetChanged(target: string): void {
    this.#changed = target;
  }

  get pathParams(): RouterParams {
    return routerParams(this.raw);
  }

  /** Respects `app.proxy`. */
  get client(): Client | null {
    return clientOf(this.raw.req, this.raw.ip);
  }

  get parsedBody(): ParsedBody {
    const { req, request, file, files } = this.raw;
    const { body: value, rawBody, files: ofRequest } = request as Record<string, unknown>;
    const kept = rawBody ?? Reflect.get(req, 'rawBody') ?? unparsed(value);
    const contentType = req.headers['content-type'];
    return parsedBodyOf({ value, rawBody: kept, files: [file, files ?? ofRequest], contentType, name });
  }

  setParsedBody(value: unknown): void {
    Reflect.set(this.raw.request, 'body', value);
  }
}

/** Where koa-body keeps it, with `includeUnparsed`. */
function unparsed(value: unknown): unknown {
  return typeof value === 'object' && value !== null
    ? Reflect.get(value, Symbol.for('unparsedBody'))
    : undefined;
}

function name(kind: string): { parser: string; cure: string } {
  const isForm = kind === 'multipart';
  return {
    parser: isForm ? '@koa/multer, or another parser of forms,' : 'a body parser, such as `@koa/bodyparser`,',
    cure: isForm ? 'read them by `request.bytes()` in a middleware before it' : 'as `ctx.request.rawBody`',
  };
}
