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

/** The body, and the errors of its parameters. */
interface ReadBodies {
  readonly body: unknown;
  readonly steps: readonly Found[];
}

/** Reads the body and its parameters. */
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

/** Blames the client, not the schema, for a body nested so deeply that the stack overflows. */
function refusalOf(thrown: unknown, body: unknown): unknown {
  const { cause } = toError(thrown);
  const isStackOverflow = toError(cause).name === 'RangeError';
  return isStackOverflow && isTooDeep(body) ? invalidJson(0, 'Nested too deeply', body) : thrown;
}

/** Treats `null` as missing, as FastAPI does. Without a default, a schema may still accept it. */
async function settleNull(bound: Bound, received: Received, to: Settling): Promise<Found> {
  const absent = await settleAbsent(bound, received, to);
  if (absent === undefined) return undefined;
  const found = await settle(bound, received, to);
  return found && [missing(received.loc, null, to.echoes)];
}

/** Returns a property of the body; lists and strings have none. */
function propertyOf(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  return Object.hasOwn(body, name) ? Reflect.get(body, name) : undefined;
}
