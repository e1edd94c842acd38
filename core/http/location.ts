import { misuse } from '../errors.js';

/** What Starlette leaves as it is in the url of a redirect. */
const unsafe = /[^\w.~:/%#?=@[\]!$&'()*+,;-]+/g;
/**
 * Pages from which a browser may be sent on: a url with a scheme is read otherwise where the page has the
 * same one.
 */
const pages = ['http://page.invalid', 'https://page.invalid'];

/**
 * A url as the value of a `location` header: percent-encoded as by Starlette, so that it is ASCII. An
 * absolute url that a browser would take for one of another host then, or for none, is normalised instead: it
 * goes to the host that `URL` finds in it, and a path stays on this host.
 */
export function locationOf(url: string | URL, where = 'new RedirectResponse()'): string {
  const isUrl = typeof url === 'object' && url !== null && 'href' in url;
  if (typeof url !== 'string' && !isUrl) throw misuse('ARGUMENT', where, 'url', 'a string or a URL', url);
  // Half a surrogate pair cannot be encoded.
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
