import { misuseWith, toError, withCause } from '../errors.js';
import type { Response } from '../http/response.js';
import type { DependencyScope } from './depends.js';

/** An entered dependency. */
export interface Exit {
  readonly name: string;
  readonly scope: DependencyScope;
  /**
   * Runs the exit code: on success with the response, on failure with the exception thrown in.
   * Resolves with whether the exception passed through, and rejects with what the exit code throws.
   */
  leave(response: Response | undefined, failure: Error | undefined): Promise<'passed' | 'swallowed'>;
}

/**
 * The dependencies that a request has entered. Each is left once, last entered first, whatever the others do.
 *
 * An exit that throws replaces the failure for those that are left after it, and the failure before it becomes its cause,
 * as in Python's `AsyncExitStack`.
 */
export class ExitStack {
  /** The failure of the request, where it is known before everything below has come to its end. */
  failure: Error | undefined;
  #entered: Exit[] = [];
  #closedBy: (() => Error) | undefined;

  /**
   * Adds an entered dependency. One that comes when the stack is closed is left at once; what is returned then resolves
   * with the failure that goes on.
   */
  push(exit: Exit): Promise<Error> | undefined {
    if (this.#closedBy) return leaveAll([exit], undefined, this.#closedBy()) as Promise<Error>;
    this.#entered.push(exit);
    return undefined;
  }

  /** Nothing will leave what is entered from now on; the reason is made when somebody asks for it. */
  close(failure: () => Error): void {
    this.failure = undefined;
    this.#closedBy = failure;
  }

  /** Why nothing more is to be entered, if so. */
  get refusal(): Error | undefined {
    return this.failure ?? this.#closedBy?.();
  }

  /** Leaves those of one scope. Resolves with the failure there is afterwards, `undefined` if there is none; never rejects. */
  leave(
    scope: DependencyScope,
    response: Response | undefined,
    failure = this.failure,
  ): Promise<Error | undefined> {
    // Native code may have entered one of scope `function` when its answer was out.
    const isLeft = ({ scope: own }: Exit): boolean =>
      own === scope || (own === 'function' && scope === 'request');
    const leaving = this.#entered.filter(isLeft);
    if (leaving.length > 0) this.#entered = this.#entered.filter(exit => !isLeft(exit));
    return leaveAll(leaving, response, failure);
  }

  /** Throws a failure into all of them, whatever their scope. Resolves with the failure that comes out; never rejects. */
  async unwind(failure: Error): Promise<Error> {
    const leaving = this.#entered;
    this.#entered = [];
    return (await leaveAll(leaving, undefined, failure)) ?? failure;
  }
}

async function leaveAll(
  exits: readonly Exit[],
  response: Response | undefined,
  failure: Error | undefined,
): Promise<Error | undefined> {
  let current = failure;
  for (const exit of exits.toReversed()) current = await leaveOne(exit, response, current);
  return current;
}

async function leaveOne(
  exit: Exit,
  response: Response | undefined,
  failure: Error | undefined,
): Promise<Error | undefined> {
  try {
    const outcome = await exit.leave(response, failure);
    if (outcome === 'passed') return failure;
    return misuseWith({ cause: failure }, 'EXCEPTION_SWALLOWED', exit.name);
  } catch (thrown) {
    return withCause(toError(thrown), failure);
  }
}
