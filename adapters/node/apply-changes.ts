import { type Request, searchOf } from '../../core/adapter.js';
import type { NativeRequest } from './node-types.js';
import { setHeaders } from './request-headers.js';
import type { NodeRequestSource } from './request-source.js';

/** Makes what native code reads agree with a request that a middleware gave to `callNext`. */
export function applyChanges(
  request: Request,
  original: Request,
  { req, source }: { readonly req: NativeRequest; readonly source: NodeRequestSource },
  setTarget: (target: string) => void,
): void {
  if (request.method !== original.method) req.method = request.method;
  if (request.headers !== original.headers) setHeaders(req, request);
  if (request.url !== original.url) {
    const target = request.path + searchOf(request.url);
    setTarget(target);
    source.targetChanged(target);
  }
  source.changeBody(request, original);
}
