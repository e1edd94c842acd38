import { gate } from '../support/events.js';

/** Receives the statements of a handler. */
export interface Connection {
  query(sql: string): Promise<void>;
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** A database that logs its statements, and reports the use of finished transactions. */
export class Store implements Connection {
  readonly log: string[] = [];
  readonly misuse: string[] = [];
  /** The error of the next BEGIN or COMMIT. */
  readonly failures: { begin?: unknown; commit?: unknown } = {};
  #entered = gate();
  #left = gate();

  async query(sql: string): Promise<void> {
    await turn();
    this.log.push(sql);
  }

  async begin(): Promise<Transaction> {
    await turn();
    this.failOnce('begin');
    this.log.push('BEGIN');
    return new Transaction(this);
  }

  failOnce(step: 'begin' | 'commit'): void {
    if (!(step in this.failures)) return;
    const failure = this.failures[step];
    delete this.failures[step];
    throw failure;
  }

  /** A statement that lasts until `goOn()`. */
  async wait(): Promise<void> {
    this.#entered.open();
    await this.#left.opened;
  }

  async whenWaiting(): Promise<void> {
    await this.#entered.opened;
  }

  goOn(): void {
    this.#left.open();
    this.#entered = gate();
    this.#left = gate();
  }

  /** How transactions began and ended, in order. */
  get ends(): string {
    return this.log.filter(line => ['BEGIN', 'COMMIT', 'ROLLBACK'].includes(line)).join(' ');
  }

  get isBalanced(): boolean {
    const count = (word: string): number => this.log.filter(line => line === word).length;
    return count('BEGIN') === count('COMMIT') + count('ROLLBACK');
  }

  clear(): void {
    this.log.length = 0;
    this.misuse.length = 0;
  }
}

export class Transaction implements Connection {
  readonly #store: Store;
  #isOver = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** A statement that began in time may end after a ROLLBACK, because drivers keep the order. */
  async query(sql: string): Promise<void> {
    this.#checkOpen(sql);
    this.#store.log.push(sql);
    await turn();
  }

  async commit(): Promise<void> {
    await turn();
    this.#store.failOnce('commit');
    this.#checkOpen('COMMIT');
    this.#isOver = true;
    this.#store.log.push('COMMIT');
  }

  async rollback(): Promise<void> {
    this.#checkOpen('ROLLBACK');
    this.#isOver = true;
    await turn();
    this.#store.log.push('ROLLBACK');
  }

  #checkOpen(sql: string): void {
    if (!this.#isOver) return;
    this.#store.misuse.push(sql);
    throw new Error(`${sql} after the end of the transaction`);
  }
}
