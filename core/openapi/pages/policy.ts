/** What a page may load and run, beside what every docs page may. */
export interface Policy {
  /** URLs of scripts. */
  readonly scripts: readonly string[];
  /** URLs of style sheets. */
  readonly styles?: readonly string[];
  /** URLs of fonts. */
  readonly fonts?: readonly string[];
  /** The only inline script that runs. */
  readonly inline?: string;
  /** Whether the page starts a worker from its own script. */
  readonly hasWorker?: boolean;
}

/**
 * Returns the `content-security-policy` of a docs page. Requests may go anywhere, because a document can name
 * servers and token URLs of any origin.
 */
export async function policyOf({ scripts, styles = [], fonts = [], ...rest }: Policy): Promise<string> {
  const inline = rest.inline === undefined ? [] : [`'sha256-${await sha256(rest.inline)}'`];
  const directives: Readonly<Record<string, readonly string[]>> = {
    'default-src': ["'none'"],
    'script-src': [...inline, ...scripts.map(sourceOf)],
    // All three pages write styles into elements.
    'style-src': ["'unsafe-inline'", ...styles.map(sourceOf)],
    // Descriptions in Markdown can show images.
    'img-src': ["'self'", 'data:', 'blob:', 'https:'],
    'media-src': ["'self'", 'data:', 'blob:'],
    'font-src': ["'self'", 'data:', ...fonts.map(sourceOf)],
    'connect-src': ['*'],
    ...(rest.hasWorker && { 'worker-src': ['blob:'] }),
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'self'"],
  };
  return Object.entries(directives)
    .map(([name, values]) => [name, ...new Set(values)].join(' '))
    .join('; ');
}

/** The CSP source that allows exactly this URL, without its query; `'self'` for a relative one. */
function sourceOf(url: string): string {
  const page = 'https://page.invalid';
  const { host, protocol, pathname } = new URL(url, page);
  // Such a URL, as `data:…`, may have spaces, which would end the source.
  if (host === '') return protocol;
  if (host === 'page.invalid') return "'self'";
  const path = pathname.replaceAll(';', '%3B').replaceAll(',', '%2C');
  // `//host/path` follows the scheme of the page.
  return `${url.startsWith('//') ? '' : `${protocol}//`}${host}${path}`;
}

async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(hash)));
}
