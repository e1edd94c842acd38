import type { Chunk } from './body-source.js';
import type { Cursor } from './kept-chunks.js';

export type Step = IteratorResult<Chunk, undefined>;

/** One reader's pass over a body, from its start. */
export interface Pass extends AsyncIterableIterator<Chunk, undefined>, Cursor {
  closed: boolean;
  /** Whether a read is pending. */
  isWaiting: boolean;
  /** Whether it belongs to a stream, which may have been created only to be inspected. */
  isStream: boolean;
}

/** Ends a pass: its next read fails. */
export function dismiss(passes: Set<Pass>, pass: Pass): void {
  pass.closed = true;
  passes.delete(pass);
}

/** Drops readers that have fallen behind the foremost one by more than the limit. */
export function dismissBehind(passes: Set<Pass>, limit: number): void {
  const foremost = Math.max(...positionsOf(passes).values());
  for (const pass of passes) if (foremost - pass.position > limit) dismiss(passes, pass);
}

/** Drops readers that have not advanced since and are not waiting. */
export function dismissThoseAt(passes: Set<Pass>, before: ReadonlyMap<Pass, number>): void {
  for (const [pass, position] of before)
    if (pass.position === position && !pass.isWaiting) dismiss(passes, pass);
}

export function positionsOf(passes: ReadonlySet<Pass>): Map<Pass, number> {
  return new Map([...passes].map(pass => [pass, pass.position]));
}

/** Returns the position of the hindmost reader; `end` without readers. */
export function hindmost(passes: ReadonlySet<Pass>, end: number): number {
  let first = end;
  for (const { position } of passes) if (position < first) first = position;
  return first;
}
