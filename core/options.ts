import { misuse } from './errors.js';

/**
 * The names of an interface of options, kept equal to it by the compiler:
 * `const known = { status: true } satisfies OptionNames<EndpointOptions>`.
 */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/** Stands for options that were not given. */
export const noOptions = Object.freeze({});

/**
 * Refuses options that are not an object, and names that there are not, such as `statusCode` for `status`.
 * Builds nothing where all is well, so that it may run for every cookie.
 * Throws `OPTIONS` and `UNKNOWN_OPTION`.
 */
export function checkOptions(
  where: string,
  options: object,
  known: Readonly<Record<string, unknown>>,
  code: 'UNKNOWN_OPTION' | 'MIDDLEWARE_UNKNOWN_OPTION' = 'UNKNOWN_OPTION',
): void {
  if (options === noOptions) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw misuse('OPTIONS', where, options);
  for (const name in options)
    if (!Object.hasOwn(known, name)) throw misuse(code, where, name, listed(name, known));
}

/** Throws `OPTION_VALUE` for an option that was given and does not pass. */
export function checkOption(
  where: string,
  option: string,
  value: unknown,
  expected: string,
  isRight: (value: unknown) => boolean,
): void {
  if (value !== undefined && !isRight(value)) throw misuse('OPTION_VALUE', where, option, expected, value);
}

/** What the error for an unknown option says of those that there are. */
function listed(
  name: string,
  known: Readonly<Record<string, unknown>>,
): { known: readonly string[]; meant: string | undefined } {
  const names = Object.keys(known);
  return { known: names, meant: meantBy(name, names) };
}

/** The option that was probably meant: the same word in another spelling, a part of it, or with a slip. */
function meantBy(name: string, known: readonly string[]): string | undefined {
  const given = plain(name);
  const of = (isMeant: (plainKnown: string) => boolean): string | undefined =>
    known.find(each => isMeant(plain(each)));
  return (
    of(each => each === given) ??
    of(each => given.length > 1 && (each.startsWith(given) || given.startsWith(each))) ??
    of(each => given.length > 3 && (each.includes(given) || given.includes(each))) ??
    of(each => distance(each, given) <= Math.min(2, Math.floor(given.length / 3))) ??
    of(each => given.length > 4 && each.includes(given.replace(/s$/, '')))
  );
}

/** `status_code`, `statusCode` and `StatusCode` are one word. */
function plain(name: string): string {
  return name.replace(/[^a-z0-9]/gi, '').toLowerCase();
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_each, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
