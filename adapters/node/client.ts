import type { Client } from '../../core/adapter.js';
import type { NativeRequest } from './node-types.js';

/** The peer of a connection, or whom a trusted proxy names in its place. */
export function clientOf(req: NativeRequest, named?: string): Client | null {
  const { remoteAddress, remotePort = 0 } = req.socket ?? {};
  if (named && named !== remoteAddress) return forwardedClient(named);
  return remoteAddress === undefined ? null : { host: remoteAddress, port: remotePort };
}

/**
 * An address in brackets, or one without a colon, and a port: `[2001:db8::1]:443`, `203.0.113.7:50001`, in
 * quotes as in `forwarded`.
 */
const node = /^"?(?:\[([^\]"]+)\]|([^:"[\]]+))(?::(\d*))?"?$/;

/**
 * Some proxies write the port too: each connection must not be a new client. What is no address stays as it
 * is.
 */
function forwardedClient(named: string): Client {
  const [, bracketed, bare, port = ''] = node.exec(named) ?? [];
  const isPort = Number(port) <= 65_535;
  return { host: bracketed ?? bare ?? named, port: isPort ? Number(port) : 0 };
}
