import { failureText } from '../shown/lines.js';
import type { AppRecord } from '../shown/record.js';
import { byId, create, duration } from './dom.js';

/** The dependencies of scope `app`: when they were entered, and whether they are open. */
export function showApp(records: readonly AppRecord[]): void {
  byId('app').hidden = records.length === 0;
  byId('lives').replaceChildren(...records.map(lifeOf));
}

function lifeOf({ name, enteredAt, took, exitedAt, failure }: AppRecord): HTMLElement {
  const at = (time: number): string => new Date(time).toLocaleTimeString();
  const entered = took === undefined ? 'is being entered' : `entered in ${duration(took)}`;
  const left = exitedAt === undefined ? 'open' : `exited at ${at(exitedAt)}`;
  const state = failure ? [] : [took === undefined ? '' : `, ${left}`];
  return create('li', {
    children: [
      create('b', { text: name }),
      create('span', { text: ` ${entered} at ${at(enteredAt)}${state.join('')}` }),
      ...(failure ? [create('span', { class: 'failure', text: ` ${failureText(failure)}` })] : []),
    ],
  });
}
