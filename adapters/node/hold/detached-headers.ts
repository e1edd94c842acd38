import type { NativeResponse } from '../node-types.js';

/** The methods that change the headers of a response. */
export const headerMethods = ['setHeader', 'appendHeader', 'setHeaders', 'removeHeader'] as const;

function ignored(this: NativeResponse): NativeResponse {
  return this;
}

/** Header calls of native code do nothing from here on. */
export function detachHeaders(res: NativeResponse): void {
  for (const name of headerMethods) Reflect.set(res, name, ignored);
}

/** Whether header calls of native code do nothing. */
export function areDetached(res: NativeResponse): boolean {
  return (res.setHeader as unknown) === ignored;
}

/** They do what they say again. Tells whether they have not. */
export function attachHeaders(res: NativeResponse): boolean {
  const isDetached = areDetached(res);
  if (isDetached) for (const name of headerMethods) Reflect.deleteProperty(res, name);
  return isDetached;
}

/** What middleware changes counts, also where what native code changes does not. */
export function changeHeaders(res: NativeResponse, change: () => void): void {
  const wasDetached = attachHeaders(res);
  try {
    change();
  } finally {
    if (wasDetached) detachHeaders(res);
  }
}
