import { type Request, sourceOf } from '../http/request.js';
import type { Response } from '../http/response.js';
import { PlainTextResponse } from '../http/responses.js';

/** The host that a request is for: a name or an address without the port, in lower case, and both as they were sent. */
export interface RequestHost {
  readonly name: string;
  /** With the port, if it has one. */
  readonly authority: string;
  readonly port: number | undefined;
}

/** A name or an address, and a port (RFC 3986, 3.2.2), as clients of HTTP write them. */
const pattern = /^((?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)|\[[0-9a-f:.]+\])(?::(\d{0,5}))?$/;

/**
 * The host of a request, as far as the framework trusts who names it (`trust proxy`, `app.proxy`); `undefined` where there is none, and where what was sent
 * is none. A `host` header that native code may read is looked at in any case, and so is the host of an absolute target.
 */
export function hostOfRequest(request: Request): RequestHost | undefined {
  const source = sourceOf(request);
  const sent = request.headers.get('host');
  if (sent !== null && parse(sent) === undefined) return undefined;
  const url = new URL(request.url);
  const isAsked = request.url === source.url;
  const named = parse(isAsked ? (source.host ?? '') : url.host);
  // An absolute target that names another host is what the url is made of (RFC 9112, 3.2.2).
  const isSame = named !== undefined && new URL(`${url.protocol}//${named.authority}`).host === url.host;
  return isSame ? named : undefined;
}

/** The answer to a host that is none, or is not served, in Starlette's words. */
export function invalidHost(): Response {
  return new PlainTextResponse('Invalid host header', { status: 400 });
}

function parse(sent: string): RequestHost | undefined {
  const [authority, name, port = ''] = pattern.exec(sent.toLowerCase()) ?? [];
  if (authority === undefined || name === undefined || Number(port) > 65_535) return undefined;
  if (!URL.canParse(`http://${authority}`)) return undefined;
  return { name, authority, port: port === '' ? undefined : Number(port) };
}
