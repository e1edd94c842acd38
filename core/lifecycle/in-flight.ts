import { misuse } from '../errors.js';
import { RepeatedWait } from '../http/repeated-wait.js';

/** The work that a layer had not finished when the time to close it was up, by name. */
export interface Undone {
  /** Requests whose response is not out, such as `GET /items/1`, or `run` and the name of its function. */
  readonly responses: readonly string[];
  /** Dependencies that have not exited. */
  readonly exits: readonly string[];
  /** Background tasks that have not finished; those that had not started are dropped. */
  readonly tasks: readonly string[];
}

/** One request or one `run`, from the moment a layer accepts it until its last task. */
export interface Work {
  undone(): Undone;
  /** The time is up: aborts the signals and drops the tasks that have not started. */
  cutShort(reason: Error): void;
}

/** One work in a ring of works, or alone. */
export class Ring {
  readonly work: Work | undefined;
  next: Ring = this;
  previous: Ring = this;

  constructor(work: Work | undefined) {
    this.work = work;
  }
}

/** The work of a layer, so that it can be closed. */
export class InFlight {
  /** A ring that starts and ends here, so that removing a work costs the same however many there are. */
  readonly #ring: Ring = new Ring(undefined);
  #isClosed = false;
  /** What each `close()` waits for, until the last work has ended. */
  #emptied: RepeatedWait<void> | undefined;
  #tellEmptied: () => void = () => undefined;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  begin(entry: Ring): void {
    const ring = this.#ring;
    entry.previous = ring.previous;
    entry.next = ring;
    ring.previous.next = entry;
    ring.previous = entry;
  }

  /** Removes a work that has ended; a second call does nothing. */
  end(entry: Ring): void {
    entry.previous.next = entry.next;
    entry.next.previous = entry.previous;
    entry.next = entry;
    entry.previous = entry;
    if (this.#ring.next !== this.#ring) return;
    this.#tellEmptied();
    this.#emptied = undefined;
  }

  /**
   * Refuses new work and waits for the rest. Resolves with what is unfinished after `timeout` milliseconds;
   * waits forever without a timeout.
   */
  async close(timeout: number | undefined): Promise<Undone> {
    this.#isClosed = true;
    if (timeout === undefined) await this.#whenEmpty().promise;
    else await within(timeout, this.#whenEmpty());
    const left = this.#works();
    const undone = left.map(work => work.undone());
    for (const work of left) work.cutShort(misuse('LAYER_CLOSED'));
    return {
      responses: undone.flatMap(({ responses }) => responses),
      exits: undone.flatMap(({ exits }) => exits),
      tasks: undone.flatMap(({ tasks }) => tasks),
    };
  }

  #works(): Work[] {
    const works: Work[] = [];
    for (let { next } = this.#ring; next.work; { next } = next) works.push(next.work);
    return works;
  }

  #whenEmpty(): RepeatedWait<void> {
    if (this.#ring.next === this.#ring) return new RepeatedWait(Promise.resolve());
    this.#emptied ??= new RepeatedWait(
      new Promise(resolve => {
        this.#tellEmptied = resolve;
      }),
    );
    return this.#emptied;
  }
}

/** Resolves with whether the work finished within the time; rejects as the work does. */
export async function within(
  milliseconds: number,
  work: Promise<unknown> | RepeatedWait<unknown>,
): Promise<boolean> {
  const wait = work instanceof RepeatedWait ? work : new RepeatedWait(work);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<typeof late>(resolve => {
    timer = setTimeout(() => resolve(late), milliseconds);
  });
  try {
    return (await wait.or(over)) !== late;
  } finally {
    clearTimeout(timer);
  }
}

const late = Symbol('late');
