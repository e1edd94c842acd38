import type { BackgroundWork } from '../background/background-tasks.js';
import type { Body } from './body.js';
import type { Content } from './body-source.js';
import type { ResponseHead, ViewHead } from './head.js';
import { describedBody } from './headers.js';
import { Response } from './response.js';
import { body, claim, head, inherit, moveTo, take, tasks } from './response-keys.js';
import { isBodyless } from './status.js';

const noWorks: readonly never[] = [];

/** Makes further changes throw, because the response is being sent. */
export function sealResponse(response: Response): void {
  response[head].seal();
}

export function headOf(response: Response): ResponseHead {
  return response[head];
}

export function bodyOf(response: Response): Body {
  return response[body];
}

/** The body of a response if it is a stream or has been opened. */
export function openedBodyOf(response: Response): Body | undefined {
  return response[describedBody];
}

/** A response over a head that lives elsewhere, such as an adapter's view of a native response. */
export function responseOver(viewed: ViewHead): Response {
  const response = new Response();
  response[moveTo](viewed);
  return response;
}

/** Turns a response into the view of the native response that received its head and body. */
export function moveResponse(response: Response, viewed: ViewHead): void {
  response[moveTo](viewed);
}

/** Whether a response is an adapter's view of a native one. */
export function isNativeView(response: Response): boolean {
  return response[head].openBody !== undefined;
}

/** Ties a response to its request. Throws `RESPONSE_REUSED` if it has answered another one. */
export function claimFor(owner: object, response: Response): Response {
  return response[claim](owner);
}

/** All work to run after a response, the outermost first. */
export function worksOf(response: Response): readonly BackgroundWork[] {
  return response[tasks]?.all ?? noWorks;
}

/** Protects the `background` set by one `function` exit from being replaced by the next. */
export function handOnWorks(response: Response): void {
  response[tasks]?.handOn();
}

/** Appends the work of the response that this one was made from. */
export function inheritWorks(response: Response, from: Response): Response {
  response[inherit](from);
  return response;
}

/** The content to send: none if the status or the request method does not allow a body. */
export function contentToSend(response: Response, method: string): Content {
  return method === 'HEAD' || isBodyless(response.status) ? null : response[take]();
}
