import vm from 'node:vm';
import { Depends } from 'callnext';

/** An error with a field that throws when read. */
function withGetter(name: string | symbol, base: object = new Error('the error')): object {
  return Object.defineProperty(base, name, {
    get() {
      throw new Error(`reading ${String(name)}`);
    },
  });
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function refuse(): never {
  throw new Error('a trap');
}

class Recursive extends Error {
  override get cause(): Recursive {
    return new Recursive();
  }
}

/** A thenable that never settles. */
function pending(): object {
  return Object.defineProperty(new Error('pending'), 'then', { value: () => undefined });
}

function circular(): Error {
  const error = new Error('circular');
  error.cause = new AggregateError([error]);
  return error;
}

function frozenMisuse(): unknown {
  try {
    return Depends(1 as never);
  } catch (error) {
    return Object.freeze(error);
  }
}

/** Values that are hard to handle when thrown; each is created anew, because handling may change it. */
export const thrownValues: readonly (readonly [name: string, make: () => unknown])[] = [
  ['an Error', () => new Error('plain')],
  ['undefined', () => undefined],
  ['null', () => null],
  ['a symbol', () => Symbol('thrown')],
  ['a bigint', () => 1n],
  ['a frozen Error', () => Object.freeze(new Error('frozen'))],
  ['a frozen misuse', frozenMisuse],
  ['an Error that is its own cause', circular],
  ['an Error with endless causes', () => new Recursive('recursive')],
  ['an Error of another realm', () => vm.runInNewContext("new TypeError('foreign')")],
  ['an Error without a prototype', () => Object.setPrototypeOf(new Error('bare'), null)],
  ['an object without a prototype', () => Object.create(null)],
  ['a revoked Proxy', () => revoked({})],
  ['a revoked Proxy of an Error', () => revoked(new Error('revoked'))],
  [
    'a Proxy whose traps throw',
    () =>
      new Proxy(new Error('target'), {
        get: refuse,
        has: refuse,
        getPrototypeOf: refuse,
        getOwnPropertyDescriptor: refuse,
        ownKeys: refuse,
      }),
  ],
  ['an Error with a `then` that never calls back', pending],
  ['an Error with a `then` that throws', () => withGetter('then')],
  ['an object with a throwing constructor', () => withGetter('constructor', {})],
  ['an object with a throwing toStringTag', () => withGetter(Symbol.toStringTag, {})],
  ['an object that says it is an Error', () => ({ [Symbol.toStringTag]: 'Error' })],
  ['an Error whose message is a symbol', () => Object.assign(new Error(), { message: Symbol('message') })],
  [
    'an Error with headers that cannot be sent',
    () => Object.assign(new Error(), { headers: { 'b d': '\n' } }),
  ],
  [
    'an Error whose status has a getter alone',
    () => Object.defineProperty(new Error('read-only'), 'status', { get: () => 'none' }),
  ],
  ...['message', 'stack', 'name', 'cause', 'status', 'headers', 'code', 'constructor', 'errors'].map(
    name => [`an Error with a throwing ${name}`, () => withGetter(name)] as const,
  ),
];
