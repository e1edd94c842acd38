import type { ServerResponse } from 'node:http';
import { misuse } from '../../core/adapter.js';
import type { Call } from './call.js';
import { inRealTime, now } from './real-time.js';
import { Served } from './served.js';
import type { Asked } from './test-request.js';

/** How long exits and tasks may take after a response, in milliseconds. */
export const patience = 5_000;

/** The trace of a client's requests, and the requests that have not settled. */
export class Watch {
  #served: Served[] = [];
  #steps: string[] = [];
  #cleared = 0;

  get steps(): readonly string[] {
    return [...this.#steps];
  }

  /** How often the trace was cleared. */
  get cleared(): number {
    return this.#cleared;
  }

  clear(): void {
    this.#steps = [];
    this.#cleared += 1;
  }

  /** Watches a request from its arrival. `call` is `undefined` if another client sent it. */
  begin(res: ServerResponse, call: Call | undefined): void {
    const cleared = call?.cleared ?? this.#cleared;
    const add = (step: string): void => {
      if (cleared === this.#cleared) this.#steps.push(step);
    };
    const served = new Served(res, call?.received, add);
    this.#served.push(served);
    if (call) call.served = served;
  }

  /** Resolves once the caller may have its response. Rejects with `NOT_SETTLED`. */
  async whenOver(call: Call, asked: Asked): Promise<void> {
    const isSettled = await whenOver(call, asked);
    if (isSettled) this.#served = this.#served.filter(each => each !== call.served);
  }

  /** Resolves when all requests so far have settled. Rejects with `NOT_SETTLED`. */
  async settled(timeoutMs: number): Promise<void> {
    const until = now() + timeoutMs;
    // These requests may have led to others.
    while (this.#served.length > 0) {
      const served = this.#served;
      const left = until - now();
      const isDone =
        left > 0 && (await inRealTime(left, Promise.all(served.map(each => each.whenSettled()))));
      if (!isDone) throw misuse('NOT_SETTLED', timeoutMs, await namesOf(served));
      this.#served = this.#served.filter(each => !served.includes(each));
    }
  }
}

/**
 * Waits until the app has sent the response or given up; with `settle`, until the request has settled. Does
 * not wait for an aborted call. Resolves with whether the request has settled.
 */
async function whenOver(call: Call, { request, settle }: Asked): Promise<boolean> {
  const { served, isStreamed } = call;
  if (!served || isStreamed || request.signal.aborted) return false;
  await served.whenSent();
  if (!settle) return false;
  call.release();
  if (!(await inRealTime(patience, served.whenSettled())))
    throw misuse('NOT_SETTLED', patience, await namesOf([served]));
  return true;
}

async function namesOf(served: readonly Served[]): Promise<string> {
  const names = await Promise.all(served.map(each => each.unsettled()));
  return names.flat().join(', ');
}
