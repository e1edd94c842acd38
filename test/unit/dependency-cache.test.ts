import { Depends } from 'callnext';
import { DependencyCache, Solution } from '../../core/dependencies/dependency-cache.js';
import type { Place } from '../../core/dependencies/exit-stack.js';
import { declarationOf, type Need } from '../../core/dependencies/needs.js';

const key = {};

function solution(place: Place = 'request', values: Record<string, unknown> = {}): Solution {
  const [need] = declarationOf({ it: Depends(() => 1) }).needs as readonly [Need];
  return new Solution(need, need.marker.dependency, 'request', key, place, values);
}

describe('a solution', () => {
  it('adds its value to those it was requested with', () => {
    const values = {};
    const solved = solution('request', values);
    expect(solved.isSolving).toBe(true);
    solved.solve(7);
    expect(values).toEqual({ it: 7 });
    expect([solved.isSolving, solved.hasFailed, solved.value]).toEqual([false, false, 7]);
  });

  it('gives its value to all who wait while it is being solved', async () => {
    const solved = solution();
    const waiting = Promise.all([solved.whenSolved(), solved.whenSolved()]);
    solved.solve(7);
    expect(await waiting).toEqual([7, 7]);
  });

  it('rejects those who wait when it fails', async () => {
    const failed = solution();
    const waiting = failed.whenSolved();
    failed.fail('broken');
    await expect(waiting).rejects.toBe('broken');
    expect([failed.isSolving, failed.hasFailed]).toEqual([false, true]);
  });

  it('takes the parts and the kind of an override, and keeps the original name', () => {
    const original = (): number => 1;
    function* override() {
      yield 1;
    }
    const [need] = declarationOf({ it: Depends(original) }).needs as readonly [Need];
    const overridden = new Solution(need, override, 'request', key, 'request', {});
    expect([overridden.name, overridden.isGenerator]).toEqual([need.name, true]);
  });
});

describe('a dependency cache', () => {
  it('finds a solution by key and place', () => {
    const cache = new DependencyCache();
    const [plain, disposed] = [solution(), solution('request disposed')];
    cache.add(plain);
    cache.add(disposed);
    expect(cache.find(key, 'request')).toBe(plain);
    expect(cache.find(key, 'request disposed')).toBe(disposed);
    expect(cache.find(key, 'function')).toBeUndefined();
    expect(cache.find({}, 'request')).toBeUndefined();
  });

  it('keeps the first solution of a place', () => {
    const cache = new DependencyCache();
    const first = solution();
    cache.add(first);
    cache.add(solution());
    expect(cache.find(key, 'request')).toBe(first);
  });

  it('replaces a failed solution', () => {
    const cache = new DependencyCache();
    const failed = solution();
    cache.add(failed);
    failed.fail('broken');
    expect(cache.find(key, 'request')).toBeUndefined();
    const second = solution();
    cache.add(second);
    expect(cache.find(key, 'request')).toBe(second);
  });

  it('remembers what exited when it is cleared, until it forgets', () => {
    const cache = new DependencyCache();
    const slot = solution();
    cache.add(slot);
    cache.clear([]);
    expect([cache.find(key, 'request'), cache.hasExits]).toEqual([undefined, false]);
    cache.clear([{ slot, value: 1, leave: async () => undefined }]);
    expect(cache.hasExits).toBe(true);
    expect(cache.hasExited(key, 'request')).toBe(true);
    expect(cache.hasExited(key, 'function')).toBe(false);
    cache.forgetExited();
    expect(cache.hasExits).toBe(false);
  });
});
