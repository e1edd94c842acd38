import type { TaskEnvelope } from '../../core/adapter.js';

/** The wait before the attempt after `attempt`, in milliseconds. */
export function waitAfter({ backoff }: TaskEnvelope, attempt: number): number {
  return Math.min(backoff.delayMs * backoff.factor ** (attempt - 1), backoff.maxDelayMs);
}
