import { createHash } from 'node:crypto';
import type { TaskEnvelope } from '../../core/adapter.js';
import { fromStored, storable, toStored } from './pg-boss-json.js';
import type { PgBossJob, PgBossOptions, PgBossRow } from './pg-boss-versions.js';

/** What a row holds: the envelope, and the number of its attempt unless it is the first. */
interface StoredTask extends TaskEnvelope {
  readonly attempt?: number;
  readonly failure?: Failure;
}

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly attempt: number;
}

/** A fetched row and the task in it. */
export interface StoredJob {
  readonly row: PgBossJob;
  readonly envelope: TaskEnvelope;
  readonly attempt: number;
}

/** The most that a column of type `integer` holds. */
const mostRetries = 2 ** 31 - 1;

/** A hundred years, in milliseconds: PostgreSQL can add it to a date. */
const longestMs = 3_155_760_000_000;

/** The longest time that pg-boss allows a job, in seconds. */
const day = 86_400;

/** Without heartbeats, the expiry of a job is what shows that its worker died: pg-boss 10's default. */
const quarterOfAnHour = 900;

/** `run` takes up to twice the task's `timeoutMs`; the rest is for acknowledging it. */
const spareSeconds = 30;

export interface RowOptions {
  /** Undefined where the engine knows no heartbeats. */
  readonly heartbeatSeconds: number | undefined;
}

/** The row of a task that is added. */
export function rowOf(envelope: TaskEnvelope, options: RowOptions): PgBossRow {
  return { id: rowId(envelope.id), ...next(envelope, 1, envelope.delayMs ?? 0, options) };
}

/** The row of a later attempt, or of one that is given back. */
export function rowOfAttempt(
  envelope: TaskEnvelope,
  attempt: number,
  delayMs: number,
  options: RowOptions,
): PgBossRow {
  return { id: crypto.randomUUID(), ...next(envelope, attempt, delayMs, options) };
}

function next(envelope: TaskEnvelope, attempt: number, delayMs: number, options: RowOptions) {
  return {
    data: toStored(attempt === 1 ? envelope : { ...envelope, attempt }),
    ...jobOptions(envelope, attempt, options),
    ...(delayMs > 0 && { startAfter: Math.ceil(Math.min(delayMs, longestMs)) / 1000 }),
  };
}

/** pg-boss itself retries only attempts whose worker died. */
export function jobOptions(
  { attempts, timeoutMs }: Pick<TaskEnvelope, 'attempts' | 'timeoutMs'>,
  attempt: number,
  { heartbeatSeconds }: RowOptions,
): PgBossOptions {
  const untimed = heartbeatSeconds === undefined ? quarterOfAnHour : day;
  return {
    retryLimit: Math.min(mostRetries, Math.max(0, attempts - attempt)),
    retryDelay: 0,
    expireInSeconds:
      timeoutMs === undefined ? untimed : Math.min(day, Math.ceil(timeoutMs / 500) + spareSeconds),
    ...(heartbeatSeconds !== undefined && { heartbeatSeconds }),
  };
}

/** The row of a dead letter. It can be moved back as it is, by `redrive()` or by hand. */
export function deadRow(job: StoredJob, error: Error): PgBossRow {
  const failure = failureOf(error, job.attempt);
  const data = toStored({ ...job.envelope, failure });
  return { id: crypto.randomUUID(), data, retryLimit: 0, retryDelay: 0, expireInSeconds: day };
}

/** What is kept of an error beside the job. */
export function failureOf({ name, message, stack = '' }: Error, attempt: number): Failure {
  return { name: storable(name), message: storable(message), stack: storable(stack), attempt };
}

/** The task in a row, or undefined where something else put the row there. */
export function jobOf(row: PgBossJob): StoredJob | undefined {
  if (!isStored(row.data)) return undefined;
  const { attempt = 1, failure: _, ...stored } = fromStored(row.data) as StoredTask;
  // A schedule stores neither an id nor a time: pg-boss gives both.
  const { id = row.id, addedAt = row.createdOn.getTime() } = stored as Partial<TaskEnvelope>;
  return { row, envelope: { ...stored, id, addedAt }, attempt: attempt + row.retryCount };
}

function isStored(data: unknown): data is object {
  return typeof data === 'object' && data !== null && 'v' in data && data.v === 1 && 'task' in data;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** pg-boss identifies rows by a UUID; any other id is hashed into one. */
function rowId(id: string): string {
  if (uuid.test(id)) return id;
  // As JSON, because half a surrogate pair has no bytes of its own in UTF-8.
  const hash = createHash('sha256').update(JSON.stringify(id)).digest('hex');
  return [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`]
    .concat(hash.slice(20, 32))
    .join('-');
}
