import { misuse } from './errors.js';

/**
 * The names in an options interface, kept complete by the compiler: `const known = { status: true } satisfies
 * OptionNames<EndpointOptions>`.
 */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/** The default for omitted options. */
export const noOptions = Object.freeze({});

/**
 * Rejects options that are not an object, and unknown names, such as `statusCode` for `status`. Allocates
 * nothing for valid options, so that it can run for every cookie. Throws `OPTIONS` and `UNKNOWN_OPTION`.
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

/** Throws `OPTION_VALUE` for an invalid value; `undefined` passes. */
export function checkOption(
  where: string,
  option: string,
  value: unknown,
  expected: string,
  isRight: (value: unknown) => boolean,
): void {
  if (value !== undefined && !isRight(value)) throw misuse('OPTION_VALUE', where, option, expected, value);
}

/** The known options, for the error of an unknown one. */
function listed(
  name: string,
  known: Readonly<Record<string, unknown>>,
): { known: readonly string[]; meant: string | undefined } {
  const names = Object.keys(known);
  return { known: names, meant: meantBy(name, names) };
}

/** The likely intended option: another spelling, a part of the word, or a typo. */
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

/** Makes `status_code`, `statusCode` and `StatusCode` equal. */
function plain(name: string): string {
  return name.replace(/[^a-z0-9]/gi, '').toLowerCase();
}

/** Levenshtein distance. */
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
