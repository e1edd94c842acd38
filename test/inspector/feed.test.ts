import type { ServerSentEvent } from 'callnext';
import { feedOf } from '../../adapters/inspector/feed.js';
import type { Batch, RequestRecord } from '../../adapters/inspector/shown/record.js';
import { Store } from '../../adapters/inspector/store.js';

function recordIn(store: Store, path: string): RequestRecord {
  const record = {
    id: store.newId(),
    method: 'GET',
    path,
    startedAt: 0,
    steps: [],
    omitted: 0,
    isOver: false,
  };
  store.addRequest(record);
  return record;
}

/** The id of an event and its data. */
function parsed(event: ServerSentEvent | undefined): { id: string; batch: Batch } {
  const [, data = '', id = ''] = /^data: (.*)\nid: (.*)\nretry: 500\n\n$/.exec(event?.text ?? '') ?? [];
  return { id, batch: JSON.parse(data) };
}

const paths = ({ records }: Batch): string[] => records.map(({ path }) => path);

describe('the events of the inspector', () => {
  let store: Store;
  let leaving: AbortController;
  const feed = (lastEventId: string | null) => feedOf(store, 'boot', lastEventId, leaving.signal);

  beforeEach(() => {
    jest.useFakeTimers();
    store = new Store(3);
    leaving = new AbortController();
  });
  afterEach(() => {
    leaving.abort();
    jest.useRealTimers();
  });

  it('begin with everything, and go on with what has changed since', async () => {
    const first = recordIn(store, '/first');
    recordIn(store, '/second');
    const events = feed(null);
    const begun = parsed((await events.next()).value);
    expect([begun.id, begun.batch.isFirst, paths(begun.batch)]).toEqual([
      'boot.2',
      true,
      ['/first', '/second'],
    ]);
    const next = events.next();
    first.isOver = true;
    store.changeRequest(first);
    recordIn(store, '/third');
    await jest.advanceTimersByTimeAsync(200);
    const { id, batch } = parsed((await next).value);
    expect([id, batch.isFirst, paths(batch)]).toEqual(['boot.4', false, ['/first', '/third']]);
  });

  it('wait for a change, and come at once', async () => {
    const events = feed('boot.0');
    const next = events.next();
    await jest.advanceTimersByTimeAsync(5_000);
    recordIn(store, '/late');
    expect(paths(parsed((await next).value).batch)).toEqual(['/late']);
  });

  it.each([
    ['boot.1', false, ['/second']],
    ['boot.0', false, ['/first', '/second']],
    ['other.1', true, ['/first', '/second']],
    ['boot.9', true, ['/first', '/second']],
    ['boot.x', true, ['/first', '/second']],
    ['boot.', true, ['/first', '/second']],
    ['', true, ['/first', '/second']],
  ])('after `last-event-id: %s` send what is missing', async (lastEventId, isFirst, expected) => {
    recordIn(store, '/first');
    recordIn(store, '/second');
    const { batch } = parsed((await feed(lastEventId).next()).value);
    expect([batch.isFirst, paths(batch)]).toEqual([isFirst, expected]);
  });

  it('end after 15 seconds, so that they hold up no shutdown', async () => {
    const events = feed('boot.0');
    const next = events.next();
    await jest.advanceTimersByTimeAsync(14_999);
    const isOpen = await Promise.race([next, Promise.resolve('open')]);
    expect(isOpen).toBe('open');
    await jest.advanceTimersByTimeAsync(1);
    expect(await next).toEqual({ value: undefined, done: true });
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['waits for a change', 0],
    ['collects changes', 1],
  ])('end when the client leaves while it %s', async (_title, count) => {
    for (let index = 0; index < count; index += 1) recordIn(store, '/first');
    const events = feed('boot.0');
    if (count > 0) await events.next();
    const next = events.next();
    leaving.abort();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('skip what a slow page has missed and is no longer kept', async () => {
    const events = feed(null);
    recordIn(store, '/0');
    await events.next();
    for (let index = 1; index < 1_000; index += 1) recordIn(store, `/${index}`);
    const next = events.next();
    await jest.advanceTimersByTimeAsync(200);
    expect(paths(parsed((await next).value).batch)).toEqual(['/997', '/998', '/999']);
  });

  it('name the requests that a page must forget, as many as it may show', async () => {
    const events = feed(null);
    const own = recordIn(store, '/inspector');
    await events.next();
    store.removeRequest(own);
    store.removeRequest(own);
    store.changeRequest(own);
    const next = events.next();
    await jest.advanceTimersByTimeAsync(200);
    expect(parsed((await next).value).batch).toMatchObject({ records: [], gone: [own.id] });
    for (let index = 0; index < 10; index += 1) store.removeRequest(recordIn(store, '/inspector'));
    expect(store.since(0).gone).toHaveLength(3);
  });
});

it('does not keep who has stopped waiting', () => {
  const store = new Store(1);
  const called: string[] = [];
  const stop = store.onceChanged(() => called.push('stopped'));
  store.onceChanged(() => called.push('waiting'));
  stop();
  recordIn(store, '/');
  recordIn(store, '/');
  expect(called).toEqual(['waiting']);
});
