import { isThenable } from '../dependencies/generator-function.js';
import { toError } from '../errors.js';
import type { Request } from '../http/request.js';
import type { BodyPlan } from './body-plan.js';
import type { Bound } from './bound.js';
import { isTooDeep } from './depth.js';
import { missing } from './explain.js';
import { invalidJson, readJson } from './read-json.js';
import { receivedModel, receivedText } from './read-texts.js';
import { attempt, type Found, type Received, type Settling, settle, settleAbsent } from './settle.js';
import { RepeatedSource } from './text-source.js';

/** What is wrong with the parameters of a body, and the body that has been read. */
interface ReadBodies {
  readonly body: unknown;
  readonly steps: readonly Found[];
}

/** Reads the body, and the parameters that are the whole of it or a part. */
export async function readBodies(
  all: readonly Bound[],
  request: Request,
  to: Settling,
  { isForm, isEmbedded }: BodyPlan,
): Promise<ReadBodies> {
  const body = isForm ? await request.form() : await readJson(request);
  const steps = all.map(bound =>
    attempt(() =>
      isForm
        ? settle(bound, receivedField(bound, body as FormData, isEmbedded), to)
        : settleJson(bound, body, isEmbedded, to),
    ),
  );
  try {
    return { body, steps: steps.some(isThenable) ? await Promise.all(steps) : (steps as readonly Found[]) };
  } catch (thrown) {
    throw isForm ? thrown : refusalOf(thrown, body);
  }
}

function receivedField(bound: Bound, form: FormData, isEmbedded: boolean): Received {
  const source = new RepeatedSource(form);
  return isEmbedded
    ? receivedText(bound, source, ['body', bound.name])
    : receivedModel(bound, source, ['body']);
}

function settleJson(bound: Bound, body: unknown, isEmbedded: boolean, to: Settling): Found | Promise<Found> {
  const loc = isEmbedded ? ['body', bound.name] : ['body'];
  const value = isEmbedded ? propertyOf(body, bound.name) : body;
  const received = { loc, value, raw: () => value };
  return value === null ? settleNull(bound, received, to) : settle(bound, received, to);
}

/** A client may nest a body so deeply that a recursive schema throws: that is no fault of the schema. */
function refusalOf(thrown: unknown, body: unknown): unknown {
  const { cause } = toError(thrown);
  const isStackOverflow = toError(cause).name === 'RangeError';
  return isStackOverflow && isTooDeep(body) ? invalidJson(0, 'Nested too deeply', body) : thrown;
}

/** FastAPI takes `null` for nothing. A schema that is for it gets it where there is no default. */
async function settleNull(bound: Bound, received: Received, to: Settling): Promise<Found> {
  const absent = await settleAbsent(bound, received, to);
  if (absent === undefined) return undefined;
  const found = await settle(bound, received, to);
  return found && [missing(received.loc, null, to.echoes)];
}

/** What stands in a body by a name; a list or a text has no names. */
function propertyOf(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  return Object.hasOwn(body, name) ? Reflect.get(body, name) : undefined;
}
