import { classOf, toError } from '../../core/adapter.js';
import type { Failure } from './shown/record.js';

/** Longer messages are cut: an error may quote a whole document. */
const longestMessage = 500;

/** Describes the errors of one request, each with the step that it came from. */
export class Failures {
  readonly #sources = new Map<Error, string>();

  /** Describes an error that a step ended with. The first step that an error passes is its source. */
  of(thrown: unknown, step: string): Failure {
    const error = toError(thrown);
    const from = this.#sources.get(error);
    if (from === undefined) this.#sources.set(error, step);
    return describe(error, from === step ? undefined : from);
  }

  /** Describes an error that is thrown into a dependency. */
  into(error: Error): Failure {
    return describe(error, this.#sources.get(error));
  }
}

function describe(error: Error, from: string | undefined): Failure {
  const failure = { name: classOf(error), message: messageOf(error) };
  return from === undefined ? failure : { ...failure, from };
}

/** The message of an error may be a getter that throws, or no text. */
function messageOf(error: Error): string {
  try {
    const text = String(error.message);
    return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
  } catch {
    return '?';
  }
}
