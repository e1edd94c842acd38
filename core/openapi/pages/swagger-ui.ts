import type { Endpoint } from '../../endpoint/endpoint.js';
import { noOptions } from '../../options.js';
import type { JsonObject } from '../document-types.js';
import { type Asset, iconTag, scriptTag, sourceOfAsset, styleTag } from './assets.js';
import { checkPage, data, type Rules, sharedRules, url } from './options.js';
import { type DocsPageOptions, dropSlash, type Page, pageEndpoint } from './page.js';

/** The options of `swaggerUi()`. */
export interface SwaggerUiOptions extends DocsPageOptions {
  /** The URL of `swagger-ui-bundle.js`. */
  swaggerJsUrl?: string;
  /** The URL of `swagger-ui.css`. */
  swaggerCssUrl?: string;
  swaggerFaviconUrl?: string;
  /** The URL of `swaggerUiOAuth2Redirect()`, absolute or relative to the page. */
  oauth2RedirectUrl?: string;
  /** JSON for `initOAuth` of Swagger UI, such as `{ clientId }`. Every visitor can read it. */
  initOAuth?: JsonObject;
  /** JSON for `SwaggerUIBundle`, beside and in place of FastAPI's defaults. */
  swaggerUiParameters?: JsonObject;
}

const rules: Rules<SwaggerUiOptions> = {
  ...sharedRules,
  swaggerJsUrl: url,
  swaggerCssUrl: url,
  swaggerFaviconUrl: url,
  oauth2RedirectUrl: url,
  initOAuth: data,
  swaggerUiParameters: data,
};

const cdn = 'https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0';

const files = {
  script: {
    file: 'swagger-ui-bundle.js',
    url: `${cdn}/swagger-ui-bundle.js`,
    integrity: 'sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9',
  },
  style: {
    file: 'swagger-ui.css',
    url: `${cdn}/swagger-ui.css`,
    integrity: 'sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I',
  },
  icon: {
    file: 'favicon-32x32.png',
    url: `${cdn}/favicon-32x32.png`,
    integrity: 'sha384-vCPruBEcPmxk2uv19KNJCkWttTDv8oQxBAzSuTndOepjsIyiKHSoLNlWOcQMpXdL',
  },
} satisfies Record<string, Asset>;

/** FastAPI's `swagger_ui_default_parameters`. */
const defaultParameters = {
  dom_id: '#swagger-ui',
  layout: 'BaseLayout',
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
};

/** Constant, so that the policy can name its hash. */
const start = `${dropSlash}const data = JSON.parse(document.getElementById('data').textContent);
const { parameters, oauth2RedirectUrl, initOAuth } = data;
if (typeof SwaggerUIBundle === 'undefined') {
  document.getElementById('swagger-ui').textContent = 'The files of Swagger UI could not be loaded.';
} else {
  if (oauth2RedirectUrl) parameters.oauth2RedirectUrl = new URL(oauth2RedirectUrl, location.href).href;
  const ui = SwaggerUIBundle({ ...parameters, presets: [SwaggerUIBundle.presets.apis] });
  if (initOAuth) ui.initOAuth(initOAuth);
}
`;

/**
 * Returns an endpoint that responds with a page of Swagger UI, with the `content-security-policy` that the
 * page needs. It replaces the header that `helmet()` has set.
 *
 * ```ts
 * app.get('/docs', toExpress(swaggerUi({ openapiUrl: 'openapi.json', title: 'Shop' })));
 * ```
 *
 * Throws `OPTIONS`, `OPTION_VALUE` and `UNKNOWN_OPTION`. FastAPI's `get_swagger_ui_html`.
 */
export function swaggerUi(options: SwaggerUiOptions = noOptions): Endpoint {
  checkPage('swaggerUi()', options, rules);
  return pageEndpoint('swaggerUi', at => pageOf(options, at), Object.values(files), options.assets);
}

function pageOf(options: SwaggerUiOptions, at: (url: string) => string): Page {
  const { openapiUrl = 'openapi.json', title = 'Swagger UI', oauth2RedirectUrl, initOAuth } = options;
  const script = sourceOfAsset(files.script, options.swaggerJsUrl, options.assets);
  const style = sourceOfAsset(files.style, options.swaggerCssUrl, options.assets);
  const icon = sourceOfAsset(files.icon, options.swaggerFaviconUrl, options.assets);
  return {
    title,
    head: [
      styleTag({ ...style, url: at(style.url) }),
      iconTag(at(icon.url)),
      '<style>body { margin: 0; }</style>',
    ],
    body: ['<div id="swagger-ui"></div>', scriptTag({ ...script, url: at(script.url) })],
    data: {
      parameters: { url: openapiUrl, ...defaultParameters, ...options.swaggerUiParameters },
      ...(oauth2RedirectUrl !== undefined && { oauth2RedirectUrl }),
      ...(initOAuth && { initOAuth }),
    },
    policy: { scripts: [script.url], styles: [style.url], inline: start },
    // With `same-origin`, which helmet() sets, the login window could not answer the page.
    ...(oauth2RedirectUrl !== undefined && {
      headers: { 'cross-origin-opener-policy': 'same-origin-allow-popups' },
    }),
  };
}
