import type { Entry } from './express-types.js';

/** An entry of a router's stack as `use` makes it. */
export interface MountEntry extends Entry {
  /** The path passed to `use`; the router package keeps it since 2.3. */
  readonly rawPath?: unknown;
  /** Express 5: mounted at `/` or without a path. */
  readonly slash?: boolean;
  /** Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean };
  readonly keys?: readonly { readonly name: string | number }[];
}

/** The paths passed to `use`, such as `/users/:user`; `undefined` if Express does not keep them. */
export function mountPathsOf(entry: MountEntry): readonly string[] | undefined {
  if (entry.slash || entry.regexp?.fast_slash) return [''];
  if (entry.regexp) return reversed(entry, entry.regexp);
  if (entry.rawPath === undefined) return undefined;
  const paths: readonly unknown[] = [entry.rawPath].flat();
  return paths.every(path => typeof path === 'string')
    ? paths.map(path => (path as string).replace(/\/$/, ''))
    : undefined;
}

const anchors = /^\^|\\\/\?\(\?=\\\/\|\$\)$/g;
/** A parameter, as Express 4.18 and 4.20 compile it. */
const parameter = /\(\?:\\\/\(\[\^\\?\/\]\+\?\)\)|\\\/\(\?:\(\[\^\\?\/\]\+\?\)\)/g;
const plain = /^(?:\/(?::\w+|[\w.~%-]+))*$/;

type EntryClass = new (path: string, options: object, handle: () => void) => MountEntry;

/** Reverses the regular expression of Express 4, if Express compiles the result to the same one. */
function reversed(entry: MountEntry, regexp: RegExp): readonly string[] | undefined {
  const names = (entry.keys ?? []).values();
  const path = regexp.source
    .replace(anchors, '')
    .replace(parameter, () => `/:${names.next().value?.name}`)
    .replace(/\\([/.-])/g, '$1');
  if (!plain.test(path)) return undefined;
  const Layer = entry.constructor as EntryClass;
  const options = { sensitive: !regexp.ignoreCase, strict: false, end: false };
  const again = new Layer(path, options, () => undefined);
  return String(again.regexp) === String(regexp) && namesOf(again) === namesOf(entry) ? [path] : undefined;
}

function namesOf({ keys = [] }: MountEntry): string {
  return keys.map(({ name }) => name).join();
}
