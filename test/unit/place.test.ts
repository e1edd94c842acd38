import { enterLayer, isInside, isTakenBy, leaveLayer } from '../../core/lifecycle/enter-layer.js';
import type { Exchange } from '../../core/lifecycle/exchange.js';
import { InFlight } from '../../core/lifecycle/in-flight.js';
import type { Surroundings } from '../../core/lifecycle/place.js';

const layer = (options: Partial<Surroundings> = {}): Surroundings =>
  ({
    overrides: new Map(),
    inFlight: new InFlight(),
    mounts: { takeWarning: () => ['first', 'second'] },
    ...options,
  }) as Surroundings;

function exchange() {
  const told: string[] = [];
  const reports = { tell: (error: { code?: string }) => void told.push(String(error.code)) };
  return { told, entered: { reports, place: undefined, taken: undefined } as unknown as Exchange };
}

describe('the place of a request', () => {
  it('takes each value from the nearest layer that sets it', () => {
    const { entered } = exchange();
    const onError = (): void => undefined;
    const [original, replacement] = [() => 1, () => 2];
    const overrides = new Map([[original, replacement]]);
    enterLayer(entered, layer({ onError, defaultScope: 'function', overrides }));
    const inner = enterLayer(entered, layer());
    expect([inner.onError, inner.defaultScope, inner.hasOverrides]).toEqual([onError, 'function', true]);
    expect([inner.overrideOf(original), inner.overrideOf(replacement)]).toEqual([replacement, replacement]);
    const innermost = enterLayer(entered, layer({ defaultScope: 'background' }));
    expect(innermost.defaultScope).toBe('background');
  });

  it('has the defaults when no layer sets a value', () => {
    const place = enterLayer(exchange().entered, layer());
    const dependency = (): number => 1;
    expect([place.onError, place.defaultScope, place.hasOverrides]).toEqual([undefined, 'request', false]);
    expect(place.overrideOf(dependency)).toBe(dependency);
  });

  it('uses the shortest timeout', () => {
    const { entered } = exchange();
    enterLayer(entered, layer({ timeout: 20 }));
    enterLayer(entered, layer({ timeout: 50 }));
    expect(entered.timeout).toBe(20);
    enterLayer(entered, layer({ timeout: 10 }));
    expect(entered.timeout).toBe(10);
  });

  it('knows the layers it is inside, and warns of one that is entered twice', () => {
    const { entered, told } = exchange();
    const [outer, other] = [layer(), layer()];
    enterLayer(entered, outer);
    expect([isInside(entered, outer), isInside(entered, other), told]).toEqual([true, false, []]);
    enterLayer(entered, outer);
    expect(told).toEqual(['LAYER_TWICE']);
  });

  it('is taken once by each open layer, and by no closed one', () => {
    const { entered } = exchange();
    const [open, closed] = [layer(), layer({ inFlight: { isClosed: true } as InFlight })];
    const first = enterLayer(entered, open);
    enterLayer(entered, open);
    enterLayer(entered, closed);
    expect(entered.taken).toBe(first);
    expect([isTakenBy(entered, open), isTakenBy(entered, closed)]).toEqual([true, false]);
  });

  it('returns to the outer layer when the inner one is left', () => {
    const { entered } = exchange();
    const outer = enterLayer(entered, layer());
    const inner = enterLayer(entered, layer());
    leaveLayer(entered, inner);
    expect([entered.place, entered.told]).toEqual([outer, outer]);
  });

  it('skips a layer that is left before one inside it', () => {
    const { entered } = exchange();
    const outer = enterLayer(entered, layer());
    const middle = enterLayer(entered, layer());
    const inner = enterLayer(entered, layer());
    leaveLayer(entered, middle);
    expect(entered.place).toBe(inner);
    expect(inner.around).toBe(outer);
  });

  it('keeps the outermost layer, and reports to the one that was entered last', () => {
    const { entered } = exchange();
    const outer = enterLayer(entered, layer());
    const inner = enterLayer(entered, layer());
    leaveLayer(entered, inner);
    leaveLayer(entered, outer);
    expect([entered.place, entered.told]).toEqual([outer, inner]);
  });
});
