import type { TaskSchedule } from '../background/task-queue.js';
import { misuse } from '../errors.js';

const minute = 60_000;

interface Field {
  readonly part: 'minute' | 'hour' | 'day' | 'month' | 'weekday';
  readonly least: number;
  readonly most: number;
  /** The names of its values, from the least one on. */
  readonly names: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const fields: readonly Field[] = [
  { part: 'minute', least: 0, most: 59, names: [] },
  { part: 'hour', least: 0, most: 23, names: [] },
  { part: 'day', least: 1, most: 31, names: [] },
  { part: 'month', least: 1, most: 12, names: months },
  { part: 'weekday', least: 0, most: 7, names: weekdays },
];

/** Calls a function in each minute of a schedule, for as long as the process lives. */
export class Clock {
  readonly #isDue: (time: Date) => boolean;
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Throws `ARGUMENT`. */
  constructor({ cron, timezone }: TaskSchedule, ring: () => void) {
    this.#isDue = matcherOf(cron, timezone);
    this.#ring = ring;
  }

  start(): void {
    const now = Date.now();
    // A timer may fire a little early, and must not find the minute before.
    this.#timer = setTimeout(() => this.#tick(), minute - (now % minute) + 5);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #tick(): void {
    this.start();
    if (this.#isDue(new Date())) this.#ring();
  }
}

/** Matches the minutes of a cron expression. If it limits day and weekday, either is enough, as in cron. */
export function matcherOf(cron: string, timezone: string): (time: Date) => boolean {
  const texts = cron.split(' ');
  const values = fields.map((field, index) => valuesOf(texts[index] ?? '', field));
  if (values.includes(undefined))
    throw misuse('ARGUMENT', 'worker.every()', 'cron', 'five fields, such as `0 3 * * *`', cron);
  const [ofDay = '', , ofWeekday = ''] = texts.slice(2);
  const isEither = !ofDay.startsWith('*') && !ofWeekday.startsWith('*');
  const format = new Intl.DateTimeFormat('en-US', { ...numbers, timeZone: timezone });
  return time => {
    const now = partsOf(format, time);
    const [minutes, hours, day, month, weekday] = fields.map(({ part }, index) =>
      values[index]?.has(now[part]),
    );
    return Boolean(minutes && hours && month && (isEither ? day || weekday : day && weekday));
  };
}

const numbers = {
  minute: 'numeric',
  hour: 'numeric',
  hourCycle: 'h23',
  day: 'numeric',
  month: 'numeric',
  weekday: 'short',
} as const;

function partsOf(format: Intl.DateTimeFormat, time: Date): Record<Field['part'], number> {
  const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
  const { minute: minutes, hour, day, month, weekday = '' } = parts;
  return {
    minute: Number(minutes),
    hour: Number(hour),
    day: Number(day),
    month: Number(month),
    weekday: weekdays.indexOf(weekday.toLowerCase()),
  };
}

/** The values of a field such as `1-5,30`; `undefined` if it is not valid. */
function valuesOf(text: string, field: Field): Set<number> | undefined {
  const values = new Set<number>();
  for (const item of text.toLowerCase().split(',')) {
    const found = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(item);
    if (!found) return undefined;
    const [, first = '', last, step] = found;
    const from = first === '*' ? field.least : numberOf(first, field);
    const isOpen = first === '*' || step !== undefined;
    const to = last === undefined ? (isOpen ? field.most : from) : numberOf(last, field);
    const by = Number(step ?? 1);
    if (Number.isNaN(from) || Number.isNaN(to) || by < 1 || from > to || (first === '*' && last))
      return undefined;
    for (let value = from; value <= to; value += by) values.add(field.part === 'weekday' ? value % 7 : value);
  }
  return values;
}

/** `NaN` outside the field. */
function numberOf(text: string, { least, most, names }: Field): number {
  const index = names.indexOf(text);
  const value = index < 0 ? (/^\d+$/.test(text) ? Number(text) : Number.NaN) : index + least;
  return value >= least && value <= most ? value : Number.NaN;
}
