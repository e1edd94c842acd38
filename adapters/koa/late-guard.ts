import { discard } from '../../core/adapter.js';
import {
  dropCall,
  droppedMethods,
  headerMethods,
  type NativeResponse,
  ofBody,
  setImmediate,
  type Waiter,
} from '../node/shared.js';
import type { KoaContext } from './koa-types.js';
import { areContextsCheap, isBelow } from './late-code.js';

type Method = (...args: unknown[]) => unknown;

const ofContent: ReadonlySet<unknown> = new Set([...ofBody, 'content-type']);

/**
 * Protects the answer of a layer on the context while Koa waits for the middleware around the layer. Changes
 * by code that the layer did not wait for are ignored, as Koa ignores changes after the head.
 */
export class LateGuard {
  readonly #left = new Set<Waiter>();
  readonly #ctx: KoaContext;
  readonly #ended: () => void;
  /** Without contexts: whether the middleware around the layer has had its turn. */
  #isPast = false;
  #isKoaAnswering = false;

  /** `ended` is called when late code ends an answer of its own. */
  constructor(ctx: KoaContext, ended: () => void) {
    this.#ctx = ctx;
    this.#ended = ended;
    const { res, response } = ctx;
    const isLate = (): boolean => this.#isLate || this.#isOut;
    guardProperty(response, 'body', isLate, discard);
    guardProperty(ctx, 'respond', isLate);
    guardProperty(res, 'statusCode', isLate);
    guardProperty(res, 'statusMessage', isLate);
    for (const name of headerMethods) this.#guardHeaders(name);
    for (const name of droppedMethods) this.#guardWriting(name);
    if (!areContextsCheap) this.#waitForKoa();
  }

  /** Code below these places is late from here on. */
  add(waiters: readonly Waiter[]): void {
    for (const each of waiters) this.#left.add(each);
  }

  get #isLate(): boolean {
    return areContextsCheap ? isBelow(this.#left) : this.#isPast && !this.#isKoaAnswering;
  }

  /** A body that is set while another one is being sent would destroy that one. */
  get #isOut(): boolean {
    return this.#isKoaAnswering && this.#ctx.headerSent;
  }

  /** Without contexts, what is changed in a later turn counts as late until Koa itself writes. */
  #waitForKoa(): void {
    setImmediate(() => {
      this.#isPast = true;
    });
    const { response } = this.#ctx;
    const inherited = accessorOf(response, 'writable');
    // Koa asks for it right before it answers.
    const get = (): unknown => {
      this.#isKoaAnswering = true;
      return inherited?.get?.call(response);
    };
    Object.defineProperty(response, 'writable', { get, configurable: true });
  }

  #guardHeaders(name: string): void {
    const res = this.#ctx.res as NativeResponse;
    const method: Method | undefined = Reflect.get(res, name);
    if (method === undefined) return;
    // Without contexts, middleware outside may still add headers of its own: the cookie of a session.
    const counts = (header: unknown): boolean =>
      !areContextsCheap && !ofContent.has(String(header).toLowerCase());
    Reflect.set(res, name, (...args: unknown[]): unknown =>
      this.#isLate && !counts(args[0]) ? res : Reflect.apply(method, res, args),
    );
  }

  #guardWriting(name: string): void {
    const res = this.#ctx.res as NativeResponse;
    const method: Method | undefined = Reflect.get(res, name);
    if (method === undefined) return;
    Reflect.set(res, name, (...args: unknown[]): unknown => {
      if (!this.#isLate) return Reflect.apply(method, res, args);
      if (name === 'end') this.#ended();
      return dropCall(res, name, args);
    });
  }
}

/** A property that late code cannot change: what it sets is given to `drop`. */
function guardProperty(
  target: object,
  name: string,
  isLate: () => boolean,
  drop: (value: unknown) => void = () => undefined,
): void {
  const inherited = accessorOf(target, name);
  let value: unknown = inherited ? undefined : Reflect.get(target, name);
  Object.defineProperty(target, name, {
    get: () => (inherited ? inherited.get?.call(target) : value),
    set(next: unknown) {
      if (isLate()) drop(next);
      else if (inherited) inherited.set?.call(target, next);
      else value = next;
    },
    configurable: true,
    enumerable: true,
  });
}

function accessorOf(target: object, name: string): PropertyDescriptor | undefined {
  for (let each: object | null = target; each; each = Object.getPrototypeOf(each)) {
    const property = Object.getOwnPropertyDescriptor(each, name);
    if (property) return property.get ? property : undefined;
  }
  return undefined;
}
