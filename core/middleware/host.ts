import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import type { Response } from '../http/response.js';
import { PlainTextResponse } from '../http/responses.js';

/** The host of a request: a lower-case name or address without the port, and both as sent. */
export interface RequestHost {
  readonly name: string;
  /** The host with its port, if any. */
  readonly authority: string;
  readonly port: number | undefined;
}

/** A name or address, and a port (RFC 3986, 3.2.2), as HTTP clients write them. */
const pattern = /^((?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)|\[[0-9a-f:.]+\])(?::(\d{0,5}))?$/;

/**
 * Returns the host of a request, from sources that the framework trusts (`trust proxy`, `app.proxy`).
 * `undefined` without a valid host, or if the request names several: two `host` headers, or an absolute
 * target with another host. The `host` header is always checked, because native code may read it.
 */
export function hostOfRequest(request: Request): RequestHost | undefined {
  const source = sourceOf(request);
  const sent = request.headers.get('host');
  if (sent !== null && parse(sent) === undefined) return undefined;
  const { url } = request;
  // A middleware may have changed it.
  return parse(url === source.url ? (source.host ?? '') : new URL(url).host);
}

/** The answer to an invalid or unknown host, in Starlette's words. */
export function invalidHost(): Response {
  return new PlainTextResponse('Invalid host header', { status: 400 });
}

function parse(sent: string): RequestHost | undefined {
  const [authority, name, port = ''] = pattern.exec(sent.toLowerCase()) ?? [];
  if (authority === undefined || name === undefined || Number(port) > 65_535) return undefined;
  if (!URL.canParse(`http://${authority}`)) return undefined;
  return { name, authority, port: port === '' ? undefined : Number(port) };
}
