import type { Headers } from '../../../core/adapter.js';
import type { NativeResponse } from '../node-types.js';
import { symbolOf } from '../symbol-of.js';

type HeaderValue = number | string | string[];
type Stored = Readonly<Record<string, readonly [name: string, value: HeaderValue]>> | null;

/** Where Node keeps the headers of an HTTP/1 response, by their names in lower case. */
const stored = symbolOf('kOutHeaders') as keyof NativeResponse | undefined;

const none: HeaderValue[] = [];

/**
 * What a response of ours adds to lines that stand on the native one (`besideNative`), where others take
 * their place.
 */
const addedTo: readonly string[] = ['set-cookie', 'vary'];

/** The headers of a native response at one moment, to go back to when what came after is not sent. */
export class HeaderSnapshot {
  /** The status at that moment. */
  readonly status: number = 200;
  /** Names and values in turn. */
  #flat: HeaderValue[] = none;
  #byName: Map<string, readonly [name: string, value: HeaderValue]> | undefined;

  constructor(res?: NativeResponse) {
    if (res === undefined) return;
    this.status = res.statusCode;
    const lines = stored && (res[stored] as unknown as Stored | undefined);
    if (lines === undefined) this.#ask(res);
    // Read where Node keeps them: by its methods it takes ten times as long, which every request would pay.
    else if (lines !== null)
      for (const key in lines) {
        const [name, value] = lines[key] as readonly [string, HeaderValue];
        // A list that grows by `push` has room for 17 items.
        if (this.#flat === none) this.#flat = [name, copied(value)];
        else this.#flat.push(name, copied(value));
      }
  }

  #ask(res: NativeResponse): void {
    this.#flat = rawHeaderNames(res).flatMap(name => {
      const value = res.getHeader(name);
      return value === undefined ? [] : [name, copied(value)];
    });
  }

  /** By their names in lower case. Not private: a snapshot may be of another copy of the package. */
  get lines(): Map<string, readonly [name: string, value: HeaderValue]> {
    if (this.#byName) return this.#byName;
    this.#byName = new Map();
    for (let at = 0; at < this.#flat.length; at += 2) {
      const name = this.#flat[at] as string;
      this.#byName.set(name.toLowerCase(), [name, this.#flat[at + 1] as HeaderValue]);
    }
    return this.#byName;
  }

  /** The lines that were not there, or were others, at an earlier moment. */
  addedTo(before: HeaderSnapshot): [name: string, value: string][] {
    const added = [...this.lines].filter(([key, [, value]]) => {
      const earlier = before.lines.get(key)?.[1];
      return String(earlier) !== String(value);
    });
    return added.flatMap(([, [name, value]]) =>
      [value].flat().map(line => [name, String(line)] as [string, string]),
    );
  }

  /** Whether these are the headers of a response now. */
  isStillOn(res: NativeResponse): boolean {
    const names = res.getHeaderNames();
    if (names.length !== this.lines.size) return false;
    return names.every(name => String(this.lines.get(name)?.[1]) === String(res.getHeader(name)));
  }

  equals(other: HeaderSnapshot): boolean {
    const isSame = ([key, [, value]]: [string, readonly [string, HeaderValue]]): boolean =>
      String(other.lines.get(key)?.[1]) === String(value);
    return this.lines.size === other.lines.size && [...this.lines].every(isSame);
  }

  /** The lines of this moment that were not taken away until a later one. */
  keptIn(later: HeaderSnapshot): HeaderSnapshot {
    const kept = new HeaderSnapshot();
    for (const [key, line] of this.lines) if (later.lines.has(key)) kept.lines.set(key, line);
    return kept;
  }

  /**
   * The lines of which headers that were copied from all of them still have the name; what would be added to
   * is theirs.
   */
  namedIn(headers: Headers): HeaderSnapshot {
    const named = new HeaderSnapshot();
    for (const [key, line] of this.lines)
      if (!addedTo.includes(key) && headers.has(key)) named.lines.set(key, line);
    return named;
  }

  /** Writes all of them anew, in the order in which they stood. */
  rewrite(res: NativeResponse): void {
    keepingMarks(res, () => {
      for (const name of res.getHeaderNames()) res.removeHeader(name);
      for (const [name, value] of this.lines.values()) res.setHeader(name, copied(value));
    });
  }

  /** Takes away what was added and puts back what was changed; what is as it was keeps its place. */
  restore(res: NativeResponse): void {
    keepingMarks(res, () => {
      for (const name of res.getHeaderNames()) if (!this.lines.has(name)) res.removeHeader(name);
      for (const [name, value] of this.lines.values()) {
        if (res.getHeader(name) !== value) res.setHeader(name, copied(value));
      }
    });
  }
}

/** `removeHeader` leaves marks behind that would cost the next answer its automatic framing. */
export function keepingMarks(res: NativeResponse, change: () => void): void {
  const { _removedConnection, _removedContLen, _removedTE, sendDate } = res;
  change();
  if (_removedTE !== undefined)
    Object.assign(res, { _removedConnection, _removedContLen, _removedTE, sendDate });
}

/** The names in the case in which they were set; HTTP/2 has only one. */
export function rawHeaderNames(res: NativeResponse): string[] {
  return res.getRawHeaderNames?.() ?? res.getHeaderNames();
}

function copied(value: HeaderValue): HeaderValue {
  return Array.isArray(value) ? [...value] : value;
}
