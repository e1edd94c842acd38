import type { NativeResponse } from '../node-types.js';

/** The methods that change the headers of a response. */
export const headerMethods = ['setHeader', 'appendHeader', 'setHeaders', 'removeHeader'] as const;

function ignored(this: NativeResponse): NativeResponse {
  return this;
}

/** Turns the header methods of native code into no-ops. */
export function detachHeaders(res: NativeResponse): void {
  for (const name of headerMethods) Reflect.set(res, name, ignored);
}

/** Whether the header methods of native code are no-ops. */
export function areDetached(res: NativeResponse): boolean {
  return (res.setHeader as unknown) === ignored;
}

/** Restores the header methods. Returns whether they were no-ops. */
export function attachHeaders(res: NativeResponse): boolean {
  const isDetached = areDetached(res);
  if (isDetached) for (const name of headerMethods) Reflect.deleteProperty(res, name);
  return isDetached;
}

/** Applies a change by middleware, even while changes by native code are ignored. */
export function changeHeaders(res: NativeResponse, change: () => void): void {
  const wasDetached = attachHeaders(res);
  try {
    change();
  } finally {
    if (wasDetached) detachHeaders(res);
  }
}
