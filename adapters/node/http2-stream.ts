import type { ServerHttp2Stream } from 'node:http2';

/** The stream of an HTTP/2 message. Not asked by version: HTTP/1 accepts a request line that says `HTTP/2.0`. */
export function http2Stream(message: object): ServerHttp2Stream | undefined {
  const { stream } = message as { readonly stream?: ServerHttp2Stream };
  // An app may put a `stream` of its own on an HTTP/1 message; only one of HTTP/2 has a reset code.
  return stream?.rstCode === undefined ? undefined : stream;
}
