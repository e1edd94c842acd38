import { misuse } from '../errors.js';
import type { BodySource } from './body-source.js';
import { areUndone, isCodedAs } from './coded-body.js';
import type { Files } from './files.js';
import { ofFraming, ofHop } from './header-rules.js';
import { isOfPlatform } from './platform.js';
import type { Request } from './request.js';
import { sourceOf } from './request-parts.js';
import { isOurs, Response } from './response.js';
import { prepare } from './response-keys.js';
import { linesOf, type ResponseLike } from './response-like.js';
import { bodyOf, claimFor, inheritWorks } from './response-parts.js';

/** Converts any Fetch response to one of ours; returns ours unchanged. */
export function fromResponseLike(value: ResponseLike): Response {
  if (isOurs(value)) return value;
  if (value.bodyUsed) throw misuse('BODY_CONSUMED', 'returned response');
  const { status, statusText = '' } = value;
  const codings = value.headers.get('content-encoding');
  const isDecoded = codings !== null && isFetched(value) && areUndone(codings);
  const Kind = codings === null || isDecoded ? Response : CodedResponse;
  const response = new Kind(value.body as BodySource, { status, statusText, headers: linesOf(value) });
  // The length is that of the encoded body.
  for (const name of isDecoded ? ofFraming : ofHop) response.headers.delete(name);
  return response;
}

/** A foreign response with a `content-encoding`, whose first bytes show whether the body is still encoded. */
class CodedResponse extends Response {
  override async [prepare](request: Request): Promise<Response> {
    const { status, statusText } = this;
    const body = bodyOf(this);
    const headers = [...this.headers];
    const codings = this.headers.get('content-encoding') ?? '';
    const isUnchanged = status === 304 || (await isCodedAs(codings, { body, source: sourceOf(request) }));
    const kept = isUnchanged ? headers : headers.filter(([name]) => !ofFraming.includes(name));
    return new Response(body.take() as BodySource, { status, statusText, headers: kept });
  }
}

/** The part of an exchange that its response needs. */
export interface Answered {
  readonly files: Files | undefined;
  /** Reports a response that will not be sent. */
  replaced(response: Response): void;
}

/**
 * Turns what user code returned into the response to send: ours, claimed for this exchange, and for a file
 * the part that the request asks for. Throws `RESPONSE_REUSED`, and rejects with `FILE`.
 */
export function accept(run: Answered, value: ResponseLike, request: Request): Response | Promise<Response> {
  const response = claimFor(run, fromResponseLike(value));
  const prepared = response[prepare](request, run.files);
  return prepared === undefined ? response : acceptPrepared(run, response, prepared);
}

async function acceptPrepared(
  run: Answered,
  response: Response,
  prepared: Promise<Response>,
): Promise<Response> {
  try {
    return inheritWorks(claimFor(run, await prepared), response);
  } catch (thrown) {
    run.replaced(response);
    throw thrown;
  }
}

/**
 * A response from `fetch` has a `url` and an already decoded body. With node-fetch, so has a response built
 * from it.
 */
function isFetched(value: ResponseLike): boolean {
  const { url } = value as { url?: unknown };
  return isOfPlatform('Response', value) && typeof url === 'string' && url !== '';
}
