import { marksOf } from './order.js';
import type { RequestRecord } from './record.js';

/** What the user wants to see. */
export interface Filter {
  /** A part of the path or of the route. */
  readonly route: string;
  /** `2` to `5` for a class of statuses, `running`, `marked`, or an empty string for all. */
  readonly status: string;
  /** Milliseconds; 0 for all. */
  readonly slowerThan: number;
}

export function isShown(record: RequestRecord, { route, status, slowerThan }: Filter): boolean {
  const { path, route: template = '' } = record;
  const wanted = route.toLowerCase();
  if (!path.toLowerCase().includes(wanted) && !template.toLowerCase().includes(wanted)) return false;
  if (slowerThan > 0 && timeOf(record) <= slowerThan) return false;
  if (status === '') return true;
  if (status === 'running') return !record.isOver;
  if (status === 'marked') return marksOf(record).length > 0;
  return String(record.status).startsWith(status);
}

/** How long the client waited for the whole response, or waits so far, in milliseconds. */
export function timeOf({ steps }: RequestRecord): number {
  const sent = steps.findLast(({ stage }) => stage === 'send');
  return sent?.to ?? steps.reduce((latest, { at, to = at }) => Math.max(latest, to), 0);
}
