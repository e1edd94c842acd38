import { frameworks } from '../support/frameworks.js';
import { jobRows, requestRows } from './order-rows.js';
import { playJob, playRequest } from './play-rows.js';

describe.each(frameworks)('docs/reference/order.md: durable tasks on $name', framework => {
  it.each(requestRows)('$title', async ({ cast, events }) => {
    expect(await playRequest(cast, framework)).toEqual(events);
  });
});

describe('docs/reference/order.md: durable tasks in `layer.run`', () => {
  // Its caller receives the error of an exit as a rejection.
  const isOfResponse = (event: string): boolean =>
    event === 'sent' || event === 'reported exit: request exit';

  it.each(requestRows)('$title', async ({ cast, events }) => {
    expect(await playRequest(cast, 'layer.run')).toEqual(events.filter(event => !isOfResponse(event)));
  });
});

describe('docs/reference/order.md: durable tasks in a worker', () => {
  it.each(jobRows)('$title', async ({ cast, events }) => {
    expect(await playJob(cast)).toEqual(events);
  });
});
