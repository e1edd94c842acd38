import type { Entry } from './express-types.js';

/** An entry of a router's stack as `use` makes it. */
export interface MountEntry extends Entry {
  /** The path as it was given; the package router keeps it from 2.3 on. */
  readonly rawPath?: unknown;
  /** Express 5: mounted without a path, or at `/`. */
  readonly slash?: boolean;
  /** Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean };
  readonly keys?: readonly { readonly name: string | number }[];
}

/** The paths at which `use` has mounted an entry, such as `/users/:user`; `undefined` where they are lost. */
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
/** A parameter, as Express 4.18 and 4.20 write it. */
const parameter = /\(\?:\\\/\(\[\^\\?\/\]\+\?\)\)|\\\/\(\?:\(\[\^\\?\/\]\+\?\)\)/g;
const plain = /^(?:\/(?::\w+|[\w.~%-]+))*$/;

type EntryClass = new (path: string, options: object, handle: () => void) => MountEntry;

/** Reads the path back from the expression of Express 4, where Express makes the same one of it. */
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
