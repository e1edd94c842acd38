import { misuse } from '../errors.js';
import { RepeatedWait } from '../http/repeated-wait.js';

/** What a layer was still at when the time to close it was up, by name. */
export interface Undone {
  /** Requests whose response is not out, such as `GET /items/1`, and `run` with the name of its function. */
  readonly responses: readonly string[];
  /** Dependencies that have not exited. */
  readonly exits: readonly string[];
  /** Background tasks that have not come to their end; those that had not begun are dropped. */
  readonly tasks: readonly string[];
}

/** One request, or one `run`, from the moment in which a layer takes it to its last task. */
export interface Work {
  undone(): Undone;
  /** The time is up: signals abort, and tasks that have not begun do not begin. */
  cutShort(reason: Error): void;
}

/** A work in a ring of works, or alone. */
export class Ring {
  readonly work: Work | undefined;
  next: Ring = this;
  previous: Ring = this;

  constructor(work: Work | undefined) {
    this.work = work;
  }
}

/** What a layer is at, so that it can be closed. */
export class InFlight {
  /**
   * The works, in a ring that begins and ends here: one is taken out of it at no cost, however many there
   * are.
   */
  readonly #ring: Ring = new Ring(undefined);
  #isClosed = false;
  /** What each `close()` waits for, until the last work has ended. */
  #emptied: RepeatedWait<void> | undefined;
  #tellEmptied: () => void = () => undefined;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** A work begins. */
  begin(entry: Ring): void {
    const ring = this.#ring;
    entry.previous = ring.previous;
    entry.next = ring;
    ring.previous.next = entry;
    ring.previous = entry;
  }

  /** A work has ended; once more changes nothing. */
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
   * Takes nothing new, and waits for what is there. Resolves with what is left when the time is up, in
   * milliseconds; waits for ever without one.
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

/** Resolves with whether the work did within the time; rejects as the work does. */
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
