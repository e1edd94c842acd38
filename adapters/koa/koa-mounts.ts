type Mount = (ctx: object, next: () => Promise<void>) => unknown;

/** Whether koa-mount is among these functions, but does not lead to a path. At `/` it adds no function. */
export function contradicts(functions: readonly unknown[], path: string): boolean {
  return path !== '' && functions.some(isMount) && !leads(functions, path);
}

/** Whether a function of koa-mount among these handles requests for a path. */
export function leads(functions: readonly unknown[], path: string): boolean {
  return functions.some(each => isMount(each) && handles(each, path));
}

/** The function of koa-mount is the one that sets `ctx.mountPath`; its prefix is in a closure. */
function isMount(value: unknown): value is Mount {
  return typeof value === 'function' && /\.mountPath\s*=[^=]/.test(Function.prototype.toString.call(value));
}

/** koa-mount sets `ctx.mountPath` before it enters the mounted app, which the thrown value prevents. */
function handles(mount: Mount, path: string): boolean {
  let isReached = false;
  const ctx = {
    path: `${path}/`,
    set mountPath(_prefix: string) {
      isReached = true;
      throw new Error('The path has been seen.');
    },
  };
  try {
    Promise.resolve(mount(ctx, async () => undefined)).catch(() => undefined);
  } catch {
    // A transpiled koa-mount throws at once.
  }
  return isReached;
}
