const wrappedKey: unique symbol = Symbol.for('callnext.wrapped') as never;

/** Records a layer that `wrap` puts around an app, for the OpenAPI document. */
export function noteWrapped(app: object & { [wrappedKey]?: readonly unknown[] }, layer: object): void {
  const known = wrappedBy(app);
  Object.defineProperty(app, wrappedKey, { value: [layer, ...known], configurable: true });
}

/** The layers that `wrap` put around an app, outermost first. */
export function wrappedBy(app: object & { [wrappedKey]?: readonly unknown[] }): readonly unknown[] {
  return app[wrappedKey] ?? [];
}
