import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import type { Response } from '../http/response.js';
import { PlainTextResponse } from '../http/responses.js';

/**
 * The host that a request is for: a name or an address without the port, in lower case, and both as they were
 * sent.
 */
export interface RequestHost {
  readonly name: string;
  /** With the port, if it has one. */
  readonly authority: string;
  readonly port: number | undefined;
}

/** A name or an address, and a port (RFC 3986, 3.2.2), as clients of HTTP write them. */
const pattern = /^((?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)|\[[0-9a-f:.]+\])(?::(\d{0,5}))?$/;

/**
 * The host of a request, as far as the framework trusts who names it (`trust proxy`, `app.proxy`).
 * `undefined` where there is none, where what was sent is not a host, and where the request names several:
 * two `host` headers, or an absolute target with another host. The `host` header is checked in any case,
 * since native code may read it.
 */
export function hostOfRequest(request: Request): RequestHost | undefined {
  const source = sourceOf(request);
  const sent = request.headers.get('host');
  if (sent !== null && parse(sent) === undefined) return undefined;
  const { url } = request;
  // A middleware may have given the request another one.
  return parse(url === source.url ? (source.host ?? '') : new URL(url).host);
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
