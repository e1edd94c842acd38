import { redoc, scalar, swaggerUi } from 'callnext/openapi';
import { dataOf, pageOf, scriptsOf } from './page-of.js';

describe('an option cannot break out of its place', () => {
  const evil = `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)><!--<script>&quot;\u2028`;

  it('in Swagger UI', async () => {
    const { html } = await pageOf(
      swaggerUi({
        title: evil,
        openapiUrl: `/${evil}`,
        swaggerJsUrl: `/${evil}`,
        swaggerCssUrl: `/${evil}`,
        swaggerFaviconUrl: `/${evil}`,
        oauth2RedirectUrl: `/${evil}`,
        initOAuth: { appName: evil },
        swaggerUiParameters: { [evil]: evil },
      }),
    );
    expect(scriptsOf(html)).toHaveLength(3);
    expect(html).not.toContain('<img');
    const { parameters, initOAuth } = dataOf(html);
    expect([parameters?.[evil], parameters?.url, initOAuth]).toEqual([evil, `/${evil}`, { appName: evil }]);
  });

  it('in Redoc', async () => {
    const url = `/${evil}`;
    const { html } = await pageOf(
      redoc({ title: evil, openapiUrl: url, redocJsUrl: url, redocFaviconUrl: url }),
    );
    expect(scriptsOf(html)).toHaveLength(1);
    expect(html).not.toContain('<img');
  });

  it('in Scalar', async () => {
    const url = `/${evil}`;
    const { html } = await pageOf(
      scalar({ title: evil, openapiUrl: url, scalarJsUrl: url, scalarConfiguration: { theme: evil } }),
    );
    expect(scriptsOf(html)).toHaveLength(3);
    expect(dataOf(html)).toMatchObject({ url, theme: evil });
  });

  it('in the policy', async () => {
    const { policy } = await pageOf(
      swaggerUi({
        swaggerJsUrl: "https://cdn.example/a;script-src 'unsafe-inline', *",
        swaggerCssUrl: '/a b;c.css',
      }),
    );
    expect(policy['script-src']?.slice(1)).toEqual([
      "https://cdn.example/a%3Bscript-src%20'unsafe-inline'%2C%20*",
    ]);
    expect(policy['style-src']).toEqual(["'unsafe-inline'", "'self'"]);
  });

  it('in the policy, also in a URL without a host', async () => {
    const { policy } = await pageOf(swaggerUi({ swaggerJsUrl: "javascript:run() 'unsafe-inline' *" }));
    expect(policy['script-src']?.slice(1)).toEqual(['javascript:']);
  });
});

it('Swagger UI gets the parameters of FastAPI, and those of the app in their place', async () => {
  const { html } = await pageOf(
    swaggerUi({ swaggerUiParameters: { deepLinking: false, docExpansion: 'none' } }),
  );
  expect(dataOf(html)).toEqual({
    parameters: {
      url: 'openapi.json',
      dom_id: '#swagger-ui',
      layout: 'BaseLayout',
      deepLinking: false,
      showExtensions: true,
      showCommonExtensions: true,
      docExpansion: 'none',
    },
  });
});

it.each([
  ['Redoc', redoc(), redoc({ redocFaviconUrl: '/icon.png' })],
  ['Scalar', scalar(), scalar({ scalarFaviconUrl: '/icon.png' })],
])('%s has the icon of the app, or none', async (_name, plain, withIcon) => {
  expect((await pageOf(plain)).html).toContain('<link rel="icon" href="data:,">');
  expect((await pageOf(withIcon)).html).toContain('<link rel="icon" href="/icon.png">');
});

const cycle: Record<string, unknown> = {};
cycle.self = cycle;

it.each<[string, () => unknown, string]>([
  ['an unknown option', () => swaggerUi({ openApiUrl: '/a' } as never), 'UNKNOWN_OPTION'],
  ['another type', () => redoc(1 as never), 'OPTIONS'],
  ['an empty URL', () => scalar({ openapiUrl: '' }), 'OPTION_VALUE'],
  ['an invalid URL', () => swaggerUi({ swaggerJsUrl: 'https://[' }), 'OPTION_VALUE'],
  ['an empty folder', () => swaggerUi({ assets: '' }), 'OPTION_VALUE'],
  ['a function in the parameters', () => swaggerUi({ swaggerUiParameters: { f: () => 1 } }), 'OPTION_VALUE'],
  ['a date in the parameters', () => swaggerUi({ initOAuth: { at: new Date() } }), 'OPTION_VALUE'],
  ['a cycle in the configuration', () => scalar({ scalarConfiguration: cycle }), 'OPTION_VALUE'],
  ['a list of parameters', () => swaggerUi({ swaggerUiParameters: [] as never }), 'OPTION_VALUE'],
  ['a flag as a string', () => redoc({ withGoogleFonts: 'no' as never }), 'OPTION_VALUE'],
])('refuses %s when the page is built', (_name, build, code) => {
  expect(build).toThrow(expect.objectContaining({ code }));
});
