import { misuse, toError } from '../errors.js';
import type { Body } from '../http/body.js';
import type { Response } from '../http/response.js';
import { bodyOf, isNativeView, openedBodyOf, worksOf } from '../http/response-parts.js';
import type { Exchange } from './exchange.js';
import { within } from './in-flight.js';

/** How long a closing body keeps its dependencies if no layer has a `timeout`, in milliseconds. */
const defaultPatience = 5_000;

/** Notes that a replaced response is sent after all. */
export function goesOn(exchange: Exchange, response: Response): void {
  exchange.superseded = exchange.superseded.filter(each => each !== response);
}

/**
 * Collects the tasks of the responses, and closes their bodies. Returns what the exits wait for; it never
 * rejects.
 */
export function settleResponses(
  exchange: Exchange,
  sent: Response | undefined,
): Promise<unknown> | undefined {
  if (sent) adopt(exchange, sent);
  adoptSuperseded(exchange);
  exchange.settled = exchange.superseded.length;
  const closing = exchange.superseded.map(response => bodyOf(response).closeWhenLeft(true));
  const all = [sent && openedBodyOf(sent)?.closeWhenLeft(false), ...closing].filter(
    each => each !== undefined,
  );
  if (all.length === 0) return undefined;
  return isClosedInTime(exchange, Promise.all(all.map(each => reporting(exchange, each))));
}

/** Drops the tasks of a request that failed, and those of its responses. */
export function dropTasks(exchange: Exchange, cause: Error): void {
  adoptSuperseded(exchange);
  exchange.backgroundTasks.drop(cause, (dropped, task) => exchange.reports.tell(dropped, 'background', task));
}

/**
 * Closes bodies that are not sent because of a failure. What native code wrote stays until its answer is
 * replaced.
 */
export function closeBegun(exchange: Exchange): Promise<unknown> | undefined {
  const written = exchange.isSending ? undefined : exchange.transport?.closeBodies?.();
  const replaced = exchange.superseded
    .filter(response => !isNativeView(response))
    .map(response => bodyOf(response).closeUnread())
    .filter(closing => closing !== undefined);
  if (replaced.length === 0) return written;
  return Promise.all([written, ...replaced.map(closing => reporting(exchange, closing))]);
}

/**
 * Waits for a body to close, for at most the shortest `timeout` of its layers. Resolves with whether it
 * closed. If not, its dependencies exit anyway, and `onError` receives an error.
 */
export async function isClosedInTime(exchange: Exchange, closing: Promise<unknown>): Promise<boolean> {
  const patience = exchange.timeout ?? defaultPatience;
  const isClosed = await within(patience, closing);
  if (!isClosed && exchange.enteredExits?.isEmpty === false)
    exchange.reports.tell(misuse('BODY_UNCLOSED', patience), 'response');
  return isClosed;
}

/** Releases bodies that nobody reads to their end, and what the adapter kept, such as the files of a form. */
export function release(exchange: Exchange): Promise<void> | undefined {
  const { response, superseded, transport } = exchange;
  for (const each of superseded) releaseBody(exchange, openedBodyOf(each));
  const body = response && openedBodyOf(response);
  if (body) releaseBody(exchange, body);
  const released = transport?.release?.();
  return released?.catch(thrown => exchange.reports.tell(toError(thrown), 'background'));
}

function releaseBody(exchange: Exchange, body: Body | undefined): void {
  const released = body?.closeWhenIdle();
  released?.catch(thrown => exchange.reports.tell(toError(thrown), 'response'));
}

function adoptSuperseded(exchange: Exchange): void {
  for (const response of exchange.superseded.toReversed()) adopt(exchange, response);
}

function adopt(exchange: Exchange, response: Response): void {
  for (const work of worksOf(response)) exchange.backgroundTasks.adopt(work);
}

function reporting({ reports }: Exchange, closing: Promise<void>): Promise<void> {
  return closing.catch(thrown => reports.tellOnce(toError(thrown), 'response'));
}
