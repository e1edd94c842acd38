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

/** A Fetch response of any make as one of ours; ours pass as they are. */
export function fromResponseLike(value: ResponseLike): Response {
  if (isOurs(value)) return value;
  if (value.bodyUsed) throw misuse('BODY_CONSUMED', 'returned response');
  const { status, statusText = '' } = value;
  const codings = value.headers.get('content-encoding');
  const isDecoded = codings !== null && isFetched(value) && areUndone(codings);
  const Kind = codings === null || isDecoded ? Response : CodedResponse;
  const response = new Kind(value.body as BodySource, { status, statusText, headers: linesOf(value) });
  // The length is that of the coded body.
  for (const name of isDecoded ? ofFraming : ofHop) response.headers.delete(name);
  return response;
}

/** A foreign response that says that it is coded, of which the bytes tell whether it is. */
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

/** What a response needs of the exchange that it answers. */
export interface Answered {
  readonly files: Files | undefined;
  /** A response that will not be sent. */
  replaced(response: Response): void;
}

/**
 * What user code has answered a request with, as the response that goes on: of ours, tied to the exchange,
 * and of a file what is sent of it. Throws `RESPONSE_REUSED`, and rejects with `FILE`.
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
 * What `fetch` gives has a url, and a body that is decoded already. Of node-fetch, what is made of it has the
 * url too.
 */
function isFetched(value: ResponseLike): boolean {
  const { url } = value as { url?: unknown };
  return isOfPlatform('Response', value) && typeof url === 'string' && url !== '';
}
