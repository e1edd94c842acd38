const [major = 0] = (process.versions.v8 ?? '').split('.', 1).map(Number);
/** V8 13 comes with Node 24. */
const isNeeded = major > 0 && major < 13;
const first = Symbol('first');
const second = Symbol('second');

/**
 * Makes V8 keep the properties of Express' `req` and `res` in a dictionary.
 *
 * Express gives both another prototype and adds properties after that, of which V8 up to 12 makes new hidden classes for every request: each
 * access then misses its inline cache, which is most of what a small request costs. Dictionaries share theirs. An object becomes one
 * when a property is deleted that is not its last; nothing else about it changes.
 *
 * Before Express' swap `res.json` costs 0.6, and an app with four usual middlewares 0.5, of what it does without a layer (Node 20
 * and 22, bench/README.md); after it 0.8 and 0.55.
 */
export function toDictionaryMode(...objects: readonly object[]): void {
  if (isNeeded) objects.forEach(normalize);
}

/** Does nothing to what can not be changed. */
function normalize(object: object): void {
  for (const name of [first, second]) Reflect.set(object, name, true);
  for (const name of [first, second]) Reflect.deleteProperty(object, name);
}
