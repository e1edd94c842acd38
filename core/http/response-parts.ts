import type { BackgroundWork } from '../background/background-tasks.js';
import type { Body } from './body.js';
import type { Content } from './body-source.js';
import type { ResponseHead, ViewHead } from './head.js';
import { describedBody } from './headers.js';
import { Response } from './response.js';
import { body, claim, head, inherit, moveTo, take, tasks } from './response-keys.js';
import { isBodyless } from './status.js';

const noWorks: readonly never[] = [];

/** The response is on its way: changes throw from here on. */
export function sealResponse(response: Response): void {
  response[head].seal();
}

export function headOf(response: Response): ResponseHead {
  return response[head];
}

export function bodyOf(response: Response): Body {
  return response[body];
}

/** The body of a response, if there is something to ask of it: it is a stream, or somebody has opened it. */
export function openedBodyOf(response: Response): Body | undefined {
  return response[describedBody];
}

/** A response over a head that lives elsewhere: an adapter's view of a native response. */
export function responseOver(viewed: ViewHead): Response {
  const response = new Response();
  response[moveTo](viewed);
  return response;
}

/** Makes a response the view of a native one that its head and its body were put onto. */
export function moveResponse(response: Response, viewed: ViewHead): void {
  response[moveTo](viewed);
}

/** Whether it is an adapter's view of what native code answers. */
export function isNativeView(response: Response): boolean {
  return response[head].openBody !== undefined;
}

/** Ties a response to the request it answers. Throws `RESPONSE_REUSED` if it has answered another one. */
export function claimFor(owner: object, response: Response): Response {
  return response[claim](owner);
}

/** All that is to run after a response, the outermost first. */
export function worksOf(response: Response): readonly BackgroundWork[] {
  return response[tasks]?.all ?? noWorks;
}

/** Keeps what an exit of scope `function` has set as `background` from being replaced by the next one. */
export function handOnWorks(response: Response): void {
  response[tasks]?.handOn();
}

/** Makes what runs after a response run after another one, which was made of it. */
export function inheritWorks(response: Response, from: Response): Response {
  response[inherit](from);
  return response;
}

/** What of a response is sent: no body where its status or the request's method has none. */
export function contentToSend(response: Response, method: string): Content {
  return method === 'HEAD' || isBodyless(response.status) ? null : response[take]();
}
