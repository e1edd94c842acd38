import { textOf } from '../shown/lines.js';
import { marksOf, type Promised, promisedOrder } from '../shown/order.js';
import type { RequestRecord } from '../shown/record.js';
import { outOfOrder } from '../shown/verdict.js';
import { byId, create } from './dom.js';
import { markOf, statusOf, timeText } from './list-view.js';
import { timelineOf } from './timeline-view.js';

/** The chosen request. It stays when the list has forgotten it. */
export class DetailView {
  readonly #section = byId('detail');
  readonly #title = byId('detail-title');
  readonly #shown = byId('shown');
  readonly #copy = create('button', { text: 'Copy as text', attributes: { type: 'button' } });
  readonly #copied = create('span', { attributes: { role: 'status' } });
  #record: RequestRecord | undefined;

  constructor() {
    this.#copy.addEventListener('click', () => this.#copyText());
  }

  get id(): number | undefined {
    return this.#record?.id;
  }

  show(record: RequestRecord): void {
    if (record === this.#record) return;
    if (record.id !== this.#record?.id) this.#copied.textContent = '';
    this.#record = record;
    const { method, path } = record;
    this.#title.textContent = `${method} ${path}`;
    const hadFocus = document.activeElement === this.#copy;
    this.#shown.replaceChildren(...this.#partsOf(record));
    if (hadFocus) this.#copy.focus();
  }

  focus(): void {
    this.#section.focus({ preventScroll: true });
    this.#section.scrollIntoView({ block: 'nearest' });
  }

  #partsOf(record: RequestRecord): HTMLElement[] {
    const { route, startedAt, omitted } = record;
    const { text, kind } = statusOf(record);
    const facts = [
      create('span', { class: 'status', text, attributes: { 'data-class': kind } }),
      create('span', { text: timeText(record) }),
      create('span', { text: `at ${new Date(startedAt).toLocaleTimeString()}` }),
      ...(route === undefined ? [] : [create('span', { text: `route ${route}` })]),
      ...(omitted === 0 ? [] : [create('span', { text: `${omitted} more steps are not kept` })]),
      this.#copied,
      this.#copy,
    ];
    return [
      create('div', { class: 'summary', children: facts }),
      create('div', { class: 'marks', children: marksOf(record).map(markOf) }),
      create('div', { class: 'columns', children: [timeColumn(record), orderColumn(record)] }),
      create('h3', { text: 'As text' }),
      create('pre', { text: textOf(record), attributes: { tabindex: '0', 'aria-label': 'As text' } }),
    ];
  }

  async #copyText(): Promise<void> {
    if (!this.#record) return;
    try {
      await navigator.clipboard.writeText(textOf(this.#record));
      this.#copied.textContent = 'Copied';
    } catch {
      // Without HTTPS there is no clipboard: the text is selected, to be copied by hand.
      getSelection()?.selectAllChildren(this.#shown.querySelector('pre') as Node);
      this.#copied.textContent = 'Selected below: copy it with the keyboard';
    }
  }
}

function timeColumn(record: RequestRecord): HTMLElement {
  return create('div', { children: [create('h3', { text: 'Timeline' }), ...timelineOf(record)] });
}

function orderColumn(record: RequestRecord): HTMLElement {
  const wrong = outOfOrder(record);
  const right = record.isOver ? 'It ran in the promised order.' : 'It runs in the promised order so far.';
  const verdict = wrong === undefined ? right : `Not in the promised order: ${wrong}.`;
  return create('div', {
    children: [
      create('h3', { text: 'Promised order' }),
      create('ol', { class: 'order', children: promisedOrder(record).map(promiseOf) }),
      create('p', { class: wrong === undefined ? 'verdict' : 'verdict wrong', text: verdict }),
    ],
  });
}

function promiseOf({ title, names }: Promised): HTMLElement {
  return create('li', { text: title, children: names.map(text => create('b', { text })) });
}
