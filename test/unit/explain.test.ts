import { explain } from '../../core/params/explain.js';

test('a value that is wrong at every level is read once at each of them', () => {
  const levels = 100;
  let reads = 0;
  const counted = (inner: object | undefined): object =>
    new Proxy(inner ? { inner } : {}, {
      get(target, key) {
        reads += 1;
        return Reflect.get(target, key);
      },
    });
  let value = counted(undefined);
  for (let level = 1; level < levels; level += 1) value = counted(value);
  const issues = Array.from({ length: levels }, (_, depth) => ({
    message: 'Wrong',
    path: Array.from({ length: depth }, () => 'inner'),
  }));
  const details = explain({ loc: ['body'], value, raw: value, tree: undefined }, issues, {
    echoes: true,
    isHeader: false,
  });
  expect(details.map(({ loc }) => loc.length)).toEqual(issues.map(({ path }) => path.length + 1));
  expect(reads).toBeLessThan(10 * levels);
});
