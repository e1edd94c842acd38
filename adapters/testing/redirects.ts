/** The most redirects that are followed, as in Fetch. */
export const mostRedirects = 20;

/** Where a response redirects to, if it does. */
export function redirectOf({ status, headers }: Response): string | undefined {
  return [301, 302, 303, 307, 308].includes(status) ? (headers.get('location') ?? undefined) : undefined;
}

const ofBody = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length'];

/** The request that follows a redirect: Fetch, "HTTP-redirect fetch". */
export function redirected(request: Request, status: number, url: URL): Request {
  const isPost = (status === 301 || status === 302) && request.method === 'POST';
  const asGet = isPost || (status === 303 && request.method !== 'GET' && request.method !== 'HEAD');
  const { method, redirect, signal } = request;
  if (!asGet) return new Request(url, { method, headers: request.headers, redirect, signal });
  const headers = new Headers(request.headers);
  for (const name of ofBody) headers.delete(name);
  return new Request(url, { method: 'GET', headers, redirect, signal });
}
