import { RequestValidationError, type ValidationDetail } from '../exceptions/validation-error.js';

/** The errors of invalid parameters. After one of these, other dependencies are still solved. */
const collected = new WeakSet<object>();

/** Creates the error of invalid parameters; the caller throws it. */
export function invalidParameters(
  errors: readonly ValidationDetail[],
  body: unknown,
): RequestValidationError {
  const error = new RequestValidationError(errors, { body });
  collected.add(error);
  return error;
}

/** Whether a thrown value is an error of invalid parameters. */
export function isInvalid(thrown: unknown): thrown is RequestValidationError {
  return typeof thrown === 'object' && thrown !== null && collected.has(thrown);
}

/** Returns an error of invalid parameters; throws everything else again. */
export function invalidOrThrow(thrown: unknown): RequestValidationError {
  if (isInvalid(thrown)) return thrown;
  throw thrown;
}

/** Combines two errors. The error of a body that is not JSON stands alone, as in FastAPI. */
export function together(
  first: RequestValidationError | undefined,
  second: RequestValidationError,
): RequestValidationError {
  if (!first || isBroken(second)) return second;
  if (isBroken(first)) return first;
  return invalidParameters([...first.errors(), ...second.errors()], first.body ?? second.body);
}

function isBroken(error: RequestValidationError): boolean {
  return error.errors()[0]?.type === 'json_invalid';
}
