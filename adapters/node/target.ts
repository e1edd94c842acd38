import { parse } from 'node:url';
import { HTTPException } from '../../core/adapter.js';
import type { NativeRequest } from './node-types.js';

/** The path and the query of a request, as they are routed by. */
export interface Target {
  /** `null` where the target has none: no route can match it. */
  readonly path: string | null;
  /** With its `?`; empty where there is none. */
  readonly search: string;
}

/**
 * A path and a query that the legacy parser would leave as they are. Express and Koa (parseurl) have the same
 * short cut.
 */
const plain = /^(\/[^?#\t\n\f\r \xa0\ufeff]*)(\?[^#\t\n\f\r \xa0\ufeff]*)?$/;
/** The authority of a target in absolute form, whatever its scheme. */
const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i;

/**
 * Reads a target as Express and Koa do: with Node's legacy parser, which takes other targets apart than `URL`
 * does. A guard that reads it otherwise than the router lets requests through.
 */
export function readTarget(target: string): Target {
  const [, path, search = ''] = plain.exec(target) ?? [];
  if (path !== undefined) return { path, search };
  try {
    const { pathname, search } = parse(target);
    return { path: pathname, search: search ?? '' };
  } catch {
    return { path: null, search: '' };
  }
}

/** The path that a request is routed by. Throws an HTTPException of 400 where it has none. */
export function pathOf({ path }: Target): string {
  if (path === null) throw new HTTPException(400, 'The request target has no path.');
  return path;
}

/** A host, and a port: what else a `host` header says would become a part of the path. */
const bareHost = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-f:.]+\])(?::\d*)?$/i;

/** The scheme, the host, and a path with its query as an absolute url, whatever a client has sent. */
export function absoluteUrl(scheme: string, host: string | undefined, target: string): string {
  const known = /^https?$/i.test(scheme) ? scheme.toLowerCase() : 'http';
  // `OPTIONS *`, and what the legacy parser makes of a broken host.
  const slash = target.startsWith('/') ? '' : '/';
  return `${known}://${hostIn(host)}${slash}${target}`;
}

/** Most requests of a server name the same host, and parsing it costs more than the rest of the url. */
let parsed: string | undefined;

function hostIn(host: string | undefined): string {
  if (host === undefined) return 'localhost';
  if (host === parsed) return host;
  if (!bareHost.test(host) || !URL.canParse(`http://${host}`)) return 'localhost';
  parsed = host;
  return host;
}

/** The host that a request names; on HTTP/2 it is a pseudo-header. */
export function hostOf({ headers }: NativeRequest): string | undefined {
  return (headers[':authority'] as string | undefined) ?? headers.host;
}

/**
 * Whether a request names one host only: in one `host` header (RFC 9112, 3.2), which neither `:authority`
 * (RFC 9113, 8.3.1) nor a target in absolute form contradicts. The frameworks look at one of them, and what
 * stands in front may look at another.
 */
export function namesOneHost({ headers, rawHeaders = [] }: NativeRequest, target: string): boolean {
  const sent = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  const authority = headers[':authority'];
  if (sent.length > 1 || (authority !== undefined && (headers.host ?? authority) !== authority)) return false;
  const named = absolute.exec(target)?.[1];
  return named === undefined || isSameHost(named, headers.host ?? '');
}

/** A default port may be left out. */
function isSameHost(one: string, other: string): boolean {
  if (!bareHost.test(one) || !bareHost.test(other)) return false;
  const [a, b] = [`http://${one}`, `http://${other}`];
  return URL.canParse(a) && URL.canParse(b) && new URL(a).host === new URL(b).host;
}

/** A target as those below a mount see it: without the path of the mount, where it has that. */
export function belowMount(target: string, mount: string): string {
  if (mount === '' || !target.startsWith(mount)) return target;
  const rest = target.slice(mount.length);
  if (rest.startsWith('/')) return rest;
  return rest === '' || rest.startsWith('?') ? `/${rest}` : target;
}
