import { misuse } from '../errors.js';

/** Characters that Starlette percent-encodes in the url of a redirect. */
const unsafe = /[^\w.~:/%#?=@[\]!$&'()*+,;-]+/g;
/** Pages to resolve from: a url like `http:path` resolves differently on a page of the same scheme. */
const pages = ['http://page.invalid', 'https://page.invalid'];

/**
 * Returns a url as a `location` header, percent-encoded like Starlette's, so that it is ASCII. If a browser
 * would then send an absolute url to another host, the url is normalised instead; a path stays on this host.
 */
export function locationOf(url: string | URL, where = 'new RedirectResponse()'): string {
  const isUrl = typeof url === 'object' && url !== null && 'href' in url;
  if (typeof url !== 'string' && !isUrl) throw misuse('ARGUMENT', where, 'url', 'a string or a URL', url);
  // A lone surrogate cannot be encoded.
  const given = String(url).replace(/\p{Cs}/gu, '\ufffd');
  const quoted = given.replace(unsafe, encodeURIComponent);
  if (!URL.canParse(given)) return quoted;
  const { href, protocol, host } = new URL(given);
  const isKept = pages.every(page => {
    const seen = URL.canParse(quoted, page) ? new URL(quoted, page) : undefined;
    return seen?.protocol === protocol && seen.host === host;
  });
  return isKept ? quoted : href;
}
