import type { Endpoint } from '../../endpoint/endpoint.js';
import { noOptions } from '../../options.js';
import type { JsonObject } from '../document-types.js';
import { type Asset, iconTag, noIcon, scriptTag, sourceOfAsset } from './assets.js';
import { checkPage, data, type Rules, sharedRules, url } from './options.js';
import { type DocsPageOptions, dropSlash, type Page, pageEndpoint } from './page.js';

/** The options of `scalar()`. */
export interface ScalarOptions extends DocsPageOptions {
  /** The URL of Scalar's `standalone.js`. */
  scalarJsUrl?: string;
  scalarFaviconUrl?: string;
  /**
   * JSON for Scalar's `createApiReference`. By default, `telemetry` is off, and so is `withDefaultFonts` with
   * `assets`, because these fonts come from a CDN.
   */
  scalarConfiguration?: JsonObject;
}

const rules: Rules<ScalarOptions> = {
  ...sharedRules,
  scalarJsUrl: url,
  scalarFaviconUrl: url,
  scalarConfiguration: data,
};

const script: Asset = {
  file: 'standalone.js',
  url: 'https://cdn.jsdelivr.net/npm/@scalar/api-reference@1.76.0/dist/browser/standalone.js',
  integrity: 'sha384-oH1C0RwqcwbVXkC+r8A+4qRoyEUQdtxAzOwumkxZtQBBcsy61FOoPt7B50OVJYYQ',
};

const fonts = 'https://fonts.scalar.com/';

/** Constant, so that the policy can name its hash. */
const start = `${dropSlash}if (typeof Scalar === 'undefined') {
  document.getElementById('app').textContent = 'The files of Scalar could not be loaded.';
} else {
  Scalar.createApiReference('#app', JSON.parse(document.getElementById('data').textContent));
}
`;

/**
 * Returns an endpoint that responds with a page of Scalar, with the `content-security-policy` that the page
 * needs. Its `assets` are the folder `dist/browser` of the package `@scalar/api-reference`.
 *
 * ```ts
 * app.get('/scalar', toExpress(scalar({ openapiUrl: 'openapi.json', title: 'Shop' })));
 * ```
 *
 * Throws `OPTIONS`, `OPTION_VALUE` and `UNKNOWN_OPTION`.
 */
export function scalar(options: ScalarOptions = noOptions): Endpoint {
  checkPage('scalar()', options, rules);
  return pageEndpoint('scalar', at => pageOf(options, at), [script], options.assets);
}

function pageOf(options: ScalarOptions, at: (url: string) => string): Page {
  const { openapiUrl = 'openapi.json', title = 'Scalar', scalarFaviconUrl: icon = noIcon } = options;
  const configuration = {
    url: openapiUrl,
    telemetry: false,
    withDefaultFonts: options.assets === undefined,
    ...options.scalarConfiguration,
  };
  const source = sourceOfAsset(script, options.scalarJsUrl, options.assets);
  return {
    title,
    head: [iconTag(at(icon))],
    body: ['<div id="app"></div>', scriptTag({ ...source, url: at(source.url) })],
    data: configuration,
    policy: { scripts: [source.url], fonts: configuration.withDefaultFonts ? [fonts] : [], inline: start },
  };
}
