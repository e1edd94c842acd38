import { type Endpoint, endpoint } from '../../endpoint/endpoint.js';
import type { Request } from '../../http/request.js';
import { HTMLResponse } from '../../http/responses.js';
import { type Asset, answerAsset } from './assets.js';
import { escapeHtml, scriptJson } from './html.js';
import { type Policy, policyOf } from './policy.js';

/** The options that all docs pages share. */
export interface DocsPageOptions {
  /** The URL of the document, absolute or relative to the page; `openapi.json` by default. */
  openapiUrl?: string;
  /** The title of the page. */
  title?: string;
  /**
   * A folder with the files of the page, such as `absolutePath()` of `swagger-ui-dist`. The page then loads
   * them from the app instead of a CDN, at its own URL with `?asset=…`.
   */
  assets?: string;
}

/**
 * The beginning of an inline script. Frameworks answer `/docs/` like `/docs`, but a browser resolves relative
 * URLs differently, such as the token URL of a document.
 */
export const dropSlash = `
const { origin, pathname, search, hash } = location;
if (pathname !== '/' && pathname.endsWith('/'))
  history.replaceState(null, '', origin + pathname.replace(/[/]+$/, '') + search + hash);
`;

/** A docs page. */
export interface Page {
  readonly title: string;
  /** Tags in the head. */
  readonly head: readonly string[];
  readonly body: readonly string[];
  /** Data for the inline script. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly policy: Policy;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Creates an endpoint of this name that answers a page, and its files if there is a folder for them. */
export function pageEndpoint(
  name: string,
  makePage: (at: (url: string) => string) => Page,
  files: readonly Asset[] = [],
  folder?: string,
): Endpoint {
  const answerPage = async ({ request }: { request: Request }): Promise<HTMLResponse> => {
    const asked = request.queryParams.get('asset');
    if (folder !== undefined && asked !== null) return answerAsset(folder, files, asked);
    const page = makePage(url => fromPage(request.path, url));
    const policy = await policyOf(page.policy);
    return new HTMLResponse(htmlOf(page), {
      headers: { ...page.headers, 'content-security-policy': policy },
    });
  };
  return endpoint({}, Object.defineProperty(answerPage, 'name', { value: name }), { includeInSchema: false });
}

/** A URL in a tag is resolved before the inline script drops the slash. */
function fromPage(path: string, url: string): string {
  const isRelative = !/^(?:[a-z][a-z\d+.-]*:|[/?#\\])/i.test(url);
  return isRelative && path !== '/' && path.endsWith('/') ? `../${url}` : url;
}

function htmlOf({ title, head, body, data, policy: { inline } }: Page): string {
  const lines = [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeHtml(title)}</title>`,
    ...head,
    '</head>',
    '<body>',
    '<noscript>This page needs JavaScript.</noscript>',
    ...body,
    ...(data ? [`<script type="application/json" id="data">${scriptJson(data)}</script>`] : []),
    ...(inline === undefined ? [] : [`<script>${inline}</script>`]),
    '</body>',
    '</html>',
  ];
  return `${lines.join('\n')}\n`;
}
