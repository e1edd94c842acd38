import type { Endpoint } from '../../endpoint/endpoint.js';
import { noOptions } from '../../options.js';
import { type Asset, iconTag, noIcon, scriptTag, sourceOfAsset, styleTag } from './assets.js';
import { escapeHtml } from './html.js';
import { checkPage, flag, type Rules, sharedRules, url } from './options.js';
import { type DocsPageOptions, type Page, pageEndpoint } from './page.js';

/** The options of `redoc()`. */
export interface RedocOptions extends DocsPageOptions {
  /** The URL of `redoc.standalone.js`. */
  redocJsUrl?: string;
  redocFaviconUrl?: string;
  /** Whether the page loads fonts from Google; `true` by default, but `false` with `assets`. */
  withGoogleFonts?: boolean;
}

const rules: Rules<RedocOptions> = {
  ...sharedRules,
  redocJsUrl: url,
  redocFaviconUrl: url,
  withGoogleFonts: flag,
};

/** Version 2, as in FastAPI: version 3 sends telemetry. */
const script: Asset = {
  file: 'redoc.standalone.js',
  url: 'https://cdn.jsdelivr.net/npm/redoc@2.5.4/bundles/redoc.standalone.js',
  integrity: 'sha384-w447zOpYfw/1Tv/5AK9NfHTlQIqE3RVR6KY62jCyy9zNDgO64cMwGGP1Fj0zJVf5',
};

const googleStyle = 'https://fonts.googleapis.com/css?family=Montserrat:300,400,700|Roboto:300,400,700';
const googleFonts = 'https://fonts.gstatic.com/';

/**
 * Returns an endpoint that responds with a page of Redoc, with the `content-security-policy` that the page
 * needs. Its `assets` are the folder `bundles` of the package `redoc`.
 *
 * ```ts
 * app.get('/redoc', toExpress(redoc({ openapiUrl: 'openapi.json', title: 'Shop' })));
 * ```
 *
 * Throws `OPTIONS`, `OPTION_VALUE` and `UNKNOWN_OPTION`. FastAPI's `get_redoc_html`.
 */
export function redoc(options: RedocOptions = noOptions): Endpoint {
  checkPage('redoc()', options, rules);
  return pageEndpoint('redoc', at => pageOf(options, at), [script], options.assets);
}

function pageOf(options: RedocOptions, at: (url: string) => string): Page {
  const { openapiUrl = 'openapi.json', title = 'Redoc', assets, redocFaviconUrl: icon = noIcon } = options;
  const { withGoogleFonts = assets === undefined } = options;
  const source = sourceOfAsset(script, options.redocJsUrl, assets);
  return {
    title,
    head: [
      iconTag(at(icon)),
      ...(withGoogleFonts ? [styleTag({ url: googleStyle, integrity: undefined })] : []),
      '<style>body { margin: 0; padding: 0; }</style>',
    ],
    body: [
      `<redoc spec-url="${escapeHtml(at(openapiUrl))}"></redoc>`,
      scriptTag({ ...source, url: at(source.url) }),
    ],
    policy: {
      scripts: [source.url],
      styles: withGoogleFonts ? [googleStyle] : [],
      fonts: withGoogleFonts ? [googleFonts] : [],
      hasWorker: true,
    },
  };
}
