import { timeOf } from '../shown/filter.js';
import { type Mark, marksOf } from '../shown/order.js';
import type { RequestRecord } from '../shown/record.js';
import { byId, create, duration } from './dom.js';

interface Row {
  readonly item: HTMLLIElement;
  readonly button: HTMLButtonElement;
  record: RequestRecord;
}

/** The list of requests, newest first. Elements are reused, so that the focus stays where it is. */
export class ListView {
  readonly #list = byId<HTMLOListElement>('requests');
  readonly #count = byId('count');
  readonly #rows = new Map<number, Row>();
  readonly #choose: (id: number) => void;
  #chosen: number | undefined;

  constructor(choose: (id: number) => void) {
    this.#choose = choose;
    this.#list.addEventListener('keydown', event => this.#move(event));
  }

  set chosen(id: number | undefined) {
    this.#mark(this.#chosen, false);
    this.#chosen = id;
    this.#mark(id, true);
  }

  /** Shows these requests, newest first, of so many. */
  show(records: readonly RequestRecord[], total: number): void {
    const ids = new Set(records.map(({ id }) => id));
    for (const [id, row] of this.#rows) if (!ids.has(id)) this.#remove(id, row);
    records.forEach((record, index) => {
      const { item } = this.#rowOf(record);
      if (this.#list.children[index] !== item)
        this.#list.insertBefore(item, this.#list.children[index] ?? null);
    });
    const text = records.length === total ? `${total}` : `${records.length} of ${total}`;
    if (this.#count.textContent !== text) this.#count.textContent = text;
  }

  #rowOf(record: RequestRecord): Row {
    const known = this.#rows.get(record.id);
    if (known?.record === record) return known;
    const row = known ?? this.#add(record);
    row.record = record;
    fill(row.button, record);
    return row;
  }

  #add(record: RequestRecord): Row {
    const button = create('button', { class: 'row', attributes: { type: 'button' } });
    const row: Row = { item: create('li', { children: [button] }), button, record };
    button.addEventListener('click', () => this.#choose(record.id));
    this.#rows.set(record.id, row);
    if (record.id === this.#chosen) button.setAttribute('aria-current', 'true');
    return row;
  }

  /** The focus goes to the next row if its own goes away. */
  #remove(id: number, { item, button }: Row): void {
    const isFocused = document.activeElement === button;
    const next = item.previousElementSibling ?? item.nextElementSibling;
    item.remove();
    this.#rows.delete(id);
    if (isFocused) next?.querySelector('button')?.focus();
  }

  #mark(id: number | undefined, isChosen: boolean): void {
    const button = id === undefined ? undefined : this.#rows.get(id)?.button;
    if (isChosen) button?.setAttribute('aria-current', 'true');
    else button?.removeAttribute('aria-current');
  }

  #move(event: KeyboardEvent): void {
    const items = [...this.#list.children];
    const at = items.findIndex(item => item.contains(document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    items[to]?.querySelector('button')?.focus();
  }
}

export function statusOf({ status, failure, isOver }: RequestRecord): { text: string; kind: string } {
  if (status !== undefined) return { text: String(status), kind: String(status).charAt(0) };
  if (failure) return { text: 'failed', kind: '5' };
  return isOver ? { text: 'ended', kind: '3' } : { text: 'running', kind: 'running' };
}

export function markOf({ text, title }: Mark): HTMLElement {
  return create('span', { class: 'mark', text, attributes: { title } });
}

/** How long the client has waited; for a request that is running, since when. */
export function timeText(record: RequestRecord): string {
  const isOut = record.isOver || record.status !== undefined;
  return isOut ? duration(timeOf(record)) : `since ${new Date(record.startedAt).toLocaleTimeString()}`;
}

function fill(button: HTMLButtonElement, record: RequestRecord): void {
  const { method, path } = record;
  const status = statusOf(record);
  const time = timeText(record);
  const marks = marksOf(record);
  button.replaceChildren(
    create('span', { class: 'method', text: method }),
    create('span', { class: 'path', text: path }),
    create('span', { class: 'status', text: status.text, attributes: { 'data-class': status.kind } }),
    create('span', { class: 'time', text: time }),
    create('span', { class: 'marks', children: marks.map(markOf) }),
  );
  const spoken = [`${method} ${path}`, status.text, time, ...marks.map(({ text }) => text)];
  button.setAttribute('aria-label', spoken.join(', '));
}
