type Class = abstract new (...args: never[]) => object;
type Name = 'FormData' | 'Headers' | 'Request' | 'Response';

/** The platform's class of this name; jest's jsdom environment lacks some. */
function platformClass(name: Name): Class | undefined {
  return (globalThis as unknown as Partial<Record<string, Class>>)[name];
}

/**
 * Makes our instances pass `instanceof` the platform's class. Reading that class loads all of Node's Fetch
 * (20 ms), so it is deferred until a lookup leaves our own prototype chain.
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
      has: (_, key) => key !== 'next' && Reflect.has(inherit(), key),
      // Whatever an endpoint returns is asked whether it is a generator.
      get: (_, key, receiver) => (key === 'next' ? undefined : Reflect.get(inherit(), key, receiver)),
      set: (_, key, value, receiver) => Reflect.set(inherit(), key, value, receiver),
    },
  );
  // Every `await` of an instance looks up `then`.
  Object.defineProperty(prototype, 'then', { value: undefined, configurable: true, writable: true });
  Object.setPrototypeOf(prototype, untilAsked);
}

/** Whether a value is an instance of a platform class, if the platform has it. */
export function isOfPlatform<N extends Name>(
  name: N,
  value: unknown,
): value is InstanceType<(typeof globalThis)[N]> {
  // Checked first, because reading the class loads Node's Fetch.
  if ((value as { [Symbol.toStringTag]?: unknown } | null | undefined)?.[Symbol.toStringTag] !== name)
    return false;
  const theirs = platformClass(name);
  return theirs !== undefined && value instanceof theirs;
}
