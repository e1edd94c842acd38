import type { TaskEnvelope, TaskSchedule } from '../../core/adapter.js';
import type { BullBackoff, BullJobLike, BullJobOptions, BullScheduledOptions } from './bullmq-types.js';
import { waitAfter } from './wait-after.js';

const daySeconds = 86_400;

/** The job of a task that is added. */
export function bullJobOf(envelope: TaskEnvelope): { name: string; data: unknown; opts: BullJobOptions } {
  const { id, task, delayMs } = envelope;
  const opts = {
    ...bullOptions(envelope),
    jobId: jobId(id),
    ...(delayMs !== undefined && { delay: delayMs }),
  };
  return { name: task, data: envelope, opts };
}

export function bullOptions({ attempts }: TaskSchedule['envelope']): BullScheduledOptions {
  return {
    attempts,
    backoff: { type: 'callnext' },
    removeOnComplete: { age: daySeconds },
    // Dead letters stay in BullMQ's set of failed jobs.
    removeOnFail: { age: 14 * daySeconds },
  };
}

/** The backoff of the task, under the type `callnext` of its job. */
export const backoffStrategy: BullBackoff = (attemptsMade, _type, _error, job) =>
  Math.round(waitAfter(job?.data as TaskEnvelope, attemptsMade));

/** The task in a job, or undefined where something else added the job. */
export function envelopeOf({ id = '', data, timestamp }: BullJobLike): TaskEnvelope | undefined {
  if (typeof data !== 'object' || data === null || !('v' in data) || data.v !== 1) return undefined;
  // A schedule stores neither an id nor a time: BullMQ gives both.
  return { id, addedAt: timestamp, ...data } as TaskEnvelope;
}

/** BullMQ takes no colon in an id, and none that reads as a whole number or as `NaN`. */
function jobId(id: string): string {
  return id.replace(/^(?=-?\d+$|NaN$).|[^\w.-]/gs, character => {
    const code = character.charCodeAt(0).toString(16);
    return `%${code.padStart(4, '0')}`;
  });
}
