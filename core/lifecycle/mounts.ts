/** Where a layer was mounted: what its user wrote, and the line, which is read only for a message. */
export interface Mount {
  readonly place: string;
}

/** More would not help, and an app may mount a layer in a loop. */
const mostPlaces = 10;

/** The places at which a layer is mounted, for warnings. */
export class Mounts {
  readonly #all: Mount[] = [];
  #hasWarned = false;

  /** Notes a mount. Its line is where the adapter's function was called. */
  add(adapter: { readonly name: string }): Mount {
    const holder: { stack?: string } = {};
    Error.captureStackTrace?.(holder, adapter as () => unknown);
    const mount = {
      get place(): string {
        const line = lineOf(holder.stack);
        return line === undefined ? `\`${adapter.name}(…)\`` : `\`${adapter.name}(…)\` (${line})`;
      },
    };
    if (this.#all.length < mostPlaces) this.#all.push(mount);
    return mount;
  }

  /** The places for a warning; `undefined` where it has been given before. */
  takeWarning(): string | undefined {
    // A middleware or a guard alone is no layer to its user, and may well stand at several places.
    if (this.#hasWarned || this.#all.length === 0) return undefined;
    this.#hasWarned = true;
    const places = [...new Set(this.#all.map(({ place }) => place))];
    return places.length > 1 ? places.join(' and ') : `${places.join()}, whose handler is mounted twice`;
  }
}

/** The first frame of a stack, as `file:line:column`. */
function lineOf(stack: string | undefined): string | undefined {
  const frame = stack?.split('\n').find(line => /^\s+at /.test(line));
  return frame && /\(?(?:file:\/\/)?([^()\s]+:\d+:\d+)\)?$/.exec(frame)?.[1];
}

/** By this symbol, so that two copies of the package understand each other. */
export const mounted: unique symbol = Symbol.for('callnext.Layer.mounted') as never;

/** Notes where a layer is mounted: by a call of the adapter's function. */
export function noteMount(
  layer: { [mounted](adapter: { readonly name: string }): Mount },
  adapter: { readonly name: string },
): Mount {
  return layer[mounted](adapter);
}
