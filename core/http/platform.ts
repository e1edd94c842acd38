type Class = abstract new (...args: never[]) => object;

/** The platform's class of a name; there is none of some in jest's jsdom environment. */
function platformClass(name: 'Headers' | 'Request' | 'Response'): Class | undefined {
  return (globalThis as unknown as Partial<Record<string, Class>>)[name];
}

/** Makes `instanceof` the platform's class hold for one of ours, without building one of the platform's. */
export function actAs(ours: Class, name: 'Request' | 'Response'): void {
  const theirs = platformClass(name);
  if (theirs) Object.setPrototypeOf(ours.prototype, theirs.prototype);
}

/** `value instanceof` a class of the platform, where it has that class. */
export function isOfPlatform<Name extends 'Headers' | 'Request' | 'Response'>(
  name: Name,
  value: unknown,
): value is InstanceType<(typeof globalThis)[Name]> {
  const theirs = platformClass(name);
  return theirs !== undefined && value instanceof theirs;
}
