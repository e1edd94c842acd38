type Class = abstract new (...args: never[]) => object;
type Name = 'Headers' | 'Request' | 'Response';

/** The platform's class of a name; there is none of some in jest's jsdom environment. */
function platformClass(name: Name): Class | undefined {
  return (globalThis as unknown as Partial<Record<string, Class>>)[name];
}

/**
 * Makes `instanceof` the platform's class hold for one of ours, without building one of the platform's.
 * Reading that class loads all of Node's Fetch (20 ms), so it waits until a lookup passes the end of our own
 * chain.
 */
export function actAs({ prototype }: Class, name: Name): void {
  const inherit = (): object => {
    const inherited = platformClass(name)?.prototype ?? Object.prototype;
    Reflect.deleteProperty(prototype, 'then');
    Object.setPrototypeOf(prototype, inherited);
    return inherited;
  };
  const untilAsked = new Proxy(
    {},
    {
      getPrototypeOf: inherit,
      has: (_, key) => Reflect.has(inherit(), key),
      get: (_, key, receiver) => Reflect.get(inherit(), key, receiver),
      set: (_, key, value, receiver) => Reflect.set(inherit(), key, value, receiver),
    },
  );
  // Every `await` of one asks for `then`.
  Object.defineProperty(prototype, 'then', { value: undefined, configurable: true, writable: true });
  Object.setPrototypeOf(prototype, untilAsked);
}

/** `value instanceof` a class of the platform, where it has that class. */
export function isOfPlatform<N extends Name>(
  name: N,
  value: unknown,
): value is InstanceType<(typeof globalThis)[N]> {
  // Asked first: reading the class loads Node's Fetch.
  if ((value as { [Symbol.toStringTag]?: unknown } | null | undefined)?.[Symbol.toStringTag] !== name)
    return false;
  const theirs = platformClass(name);
  return theirs !== undefined && value instanceof theirs;
}
