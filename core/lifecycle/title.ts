import type { Request } from '../http/request.js';

/** A client may send a path of many kilobytes. */
const longestPath = 200;

/** A request that no route can match has no path. */
export function methodAndPath(request: Request): string {
  try {
    return `${request.method} ${request.path.slice(0, longestPath)}`;
  } catch {
    return request.method;
  }
}
