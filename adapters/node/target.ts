import { parse } from 'node:url';
import { HTTPException } from '../../core/adapter.js';
import type { NativeRequest } from './node-types.js';

/** The path and query that a request is routed by. */
export interface Target {
  /** `null` if the target has no path: no route can match it. */
  readonly path: string | null;
  /** Includes the `?`; empty without a query. */
  readonly search: string;
}

/**
 * A path and query that the legacy parser leaves as they are. Express and Koa (parseurl) have the same
 * shortcut.
 */
const plain = /^(\/[^?#\t\n\f\r \xa0\ufeff]*)(\?[^#\t\n\f\r \xa0\ufeff]*)?$/;
/** The authority of a target in absolute form, whatever its scheme. */
const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i;

/**
 * Reads a target as Express and Koa do: with Node's legacy parser, which splits some targets differently than
 * `URL`. A guard that reads a target differently than the router lets requests through.
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

/** Returns the path that a request is routed by. Throws an HTTPException of 400 if there is no path. */
export function pathOf({ path }: Target): string {
  if (path === null) throw new HTTPException(400, 'The request target has no path.');
  return path;
}

/** A host and a port; anything else in a `host` header would become part of the path. */
const bareHost = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-f:.]+\])(?::\d*)?$/i;

/** Makes an absolute URL of the scheme, host, path and query, whatever a client sent. */
export function absoluteUrl(scheme: string, host: string | undefined, target: string): string {
  const known = /^https?$/i.test(scheme) ? scheme.toLowerCase() : 'http';
  // `OPTIONS *`, or what the legacy parser makes of a broken host.
  const slash = target.startsWith('/') ? '' : '/';
  return `${known}://${hostIn(host)}${slash}${target}`;
}

/** Most requests of a server name the same host, and parsing it costs more than the rest of the URL. */
let parsed: string | undefined;

function hostIn(host: string | undefined): string {
  if (host === undefined) return 'localhost';
  if (host === parsed) return host;
  if (!bareHost.test(host) || !URL.canParse(`http://${host}`)) return 'localhost';
  parsed = host;
  return host;
}

/** Returns the host that a request names; on HTTP/2 it is a pseudo-header. */
export function hostOf({ headers }: NativeRequest): string | undefined {
  return (headers[':authority'] as string | undefined) ?? headers.host;
}

/**
 * Whether a request names only one host: in one `host` header (RFC 9112, 3.2), which neither `:authority`
 * (RFC 9113, 8.3.1) nor a target in absolute form contradicts. A framework reads one of them, and a proxy in
 * front may read another.
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

/**
 * Returns the target as code below a mount sees it: without the path of the mount, if it starts with that.
 */
export function belowMount(target: string, mount: string): string {
  if (mount === '' || !target.startsWith(mount)) return target;
  const rest = target.slice(mount.length);
  if (rest.startsWith('/')) return rest;
  return rest === '' || rest.startsWith('?') ? `/${rest}` : target;
}
