import { type OrderRow, orderTables, scenarioOf } from '../model/order-rows.js';
import { labelOf, play } from '../model/play.js';
import { frameworks } from '../support/frameworks.js';
import { Recorder, type Seen } from './recorder.js';

const names: Readonly<Record<string, string>> = { 'middleware[0]': 'outer', 'middleware[1]': 'inner' };

/** An event in the words of docs/reference/order.md; `undefined` if a row does not show it. */
function inWordsOfARow(seen: Seen): string | undefined {
  if (seen.part === 'report') return `reported ${seen.event.phase}: ${labelOf(seen.event.error)}`;
  const { stage, name, kind, thrown } = seen.event;
  const title = names[name] ?? name;
  if (stage === 'middleware' && seen.part === 'asyncEnd') return `${title} end`;
  if (seen.part !== 'start') return undefined;
  if (stage === 'middleware') return `${title} before`;
  if (stage === 'dependency.enter') return `${title} enter`;
  if (stage === 'dependency.exit') return thrown ? `${title} exit with ${labelOf(thrown)}` : `${title} exit`;
  return stage === 'task' || kind === 'endpoint' ? title : undefined;
}

/** What a row promises of the channels: they show no chunks, and how a middleware ended, not what it saw. */
function promisedBy({ events }: OrderRow): string[] {
  const unseen = /^(chunk|stream closed|sent|cut|gone|layer handler|layer catch-all)$/;
  return events
    .filter(event => !unseen.test(event))
    .flatMap(event => {
      const [, name, verb] = /^(outer|inner) (before|after|caught)\b/.exec(event) ?? [];
      if (name === undefined) return [event];
      if (verb !== 'before') return [`${name} end`];
      const hasSeen = events.some(
        each => each.startsWith(`${name} after`) || each.startsWith(`${name} caught`),
      );
      return hasSeen ? [event] : [event, `${name} end`];
    });
}

describe.each(orderTables)('the channels, in docs/reference/order.md: $heading', ({ rows }) => {
  describe.each(frameworks)('on $name', framework => {
    it.each(rows)('$title', async row => {
      const recorder = new Recorder();
      const { status } = await play(scenarioOf(row.cast), framework);
      recorder.stop();
      expect(status).toBe(row.status);
      expect(recorder.seen.map(inWordsOfARow).filter(Boolean)).toEqual(promisedBy(row));
      expect(recorder.exchanges.size).toBe(1);
      expect(recorder.settled).toBe(1);
      const sending = recorder.lines.filter(line => line.startsWith('/send'));
      expect(sending).toEqual([expect.stringContaining(status === undefined ? ' aborted' : ' sent')]);
      for (const protocol of recorder.protocols)
        expect(protocol).toMatch(/^start end (error )?asyncStart asyncEnd$/);
    });
  });
});
