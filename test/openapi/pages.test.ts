import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { endpoint, Layer } from 'callnext';
import { fromExpress, toExpress } from 'callnext/express';
import { openapi, redoc, scalar, swaggerUi, swaggerUiOAuth2Redirect } from 'callnext/openapi';
import { TestClient } from 'callnext/testing';
import express from 'express';
import helmet from 'helmet';
import supertest from 'supertest';
import { absolutePath } from 'swagger-ui-dist';
import { listening } from '../support/frameworks.js';
import { type Version, versions } from '../support/versions.js';
import { dataOf, pageOf, scriptsOf, type Target } from './page-of.js';

/** Sends requests to pages in a router at `/api`, with helmet() in front of everything. */
async function visit(version: Version, pages: Record<string, Target>, requests: (url: string) => unknown) {
  const { listener } = version.app(root => {
    const router = version.router();
    for (const [at, page] of Object.entries(pages)) router.get(at, page);
    router.get(
      '/items',
      endpoint({}, () => []),
    );
    root.use('/api', router);
  });
  const protect = helmet();
  await listening(
    (req, res) => protect(req, res, () => listener(req as never, res as never)),
    async url => requests(url),
  );
}

describe.each(versions.map(version => [version.name, version] as const))(
  'below helmet on %s',
  (_name, version) => {
    it('replaces the policy of helmet on the page, and nowhere else', () =>
      visit(version, { '/docs': swaggerUi() }, async url => {
        const { headers } = await supertest(url).get('/api/docs').expect(200);
        expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'sha256-/);
        expect(headers['x-frame-options']).toBe('SAMEORIGIN');
        const other = await supertest(url).get('/api/items').expect(200);
        expect(other.headers['content-security-policy']).toMatch(/^default-src 'self';/);
      }));

    it('serves the files of a folder at the URL of the page', () =>
      visit(version, { '/docs': swaggerUi({ assets: absolutePath() }) }, async url => {
        const { text } = await supertest(url).get('/api/docs').expect(200);
        expect(text).not.toContain('https:');
        const [, asset] = /<script src="(\?asset=[^"]+)"/.exec(text) as unknown as [string, string];
        const bundle = await supertest(url).get(`/api/docs${asset}`).expect(200);
        expect(bundle.headers['content-type']).toBe('text/javascript; charset=utf-8');
        expect(bundle.headers['cache-control']).toBe('no-cache');
        const etag = bundle.headers.etag as string;
        await supertest(url).get(`/api/docs${asset}`).set('if-none-match', etag).expect(304);
        const icon = await supertest(url).get('/api/docs?asset=favicon-32x32.png').expect(200);
        expect(icon.body).toEqual(readFileSync(path.join(absolutePath(), 'favicon-32x32.png')));
      }));

    it('serves no other file of the folder, and none outside of it', () =>
      visit(version, { '/docs': swaggerUi({ assets: absolutePath() }) }, async url => {
        const asked = ['package.json', '../zod/package.json', '..%2f..%2fetc%2fpasswd', '%2fetc%2fpasswd'];
        const odd = [
          '',
          'swagger-ui.css%00',
          './swagger-ui.css',
          'swagger-ui.css/',
          '__proto__',
          'SWAGGER-UI.CSS',
        ];
        for (const name of [...asked, ...odd])
          await supertest(url).get(`/api/docs?asset=${name}`).expect(404);
      }));
  },
);

it('replaces the policy of helmet inside a layer, too', async () => {
  const layer = new Layer({ middleware: [fromExpress(helmet())] });
  const app = express().use(toExpress(layer)).get('/docs', toExpress(swaggerUi()));
  const { headers } = await supertest(app).get('/docs').expect(200);
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'/);
});

it('a middleware can set a stricter policy', async () => {
  const layer = new Layer();
  layer.addMiddleware(async (request, callNext) => {
    const response = await callNext(request);
    response.headers.set('content-security-policy', "default-src 'none'");
    return response;
  });
  const app = express().use(toExpress(layer)).get('/docs', toExpress(swaggerUi()));
  await supertest(app).get('/docs').expect('content-security-policy', "default-src 'none'");
});

it.each([
  ['Swagger UI', swaggerUi()],
  ['Scalar', scalar()],
  ['the OAuth2 redirect', swaggerUiOAuth2Redirect()],
])('allows the inline script of %s by its hash', async (_name, page) => {
  const { html, policy } = await pageOf(page);
  const inline = scriptsOf(html).filter(({ attributes }) => attributes === '');
  const hashes = inline.map(({ text }) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  expect(hashes).toHaveLength(1);
  expect(policy['script-src']).toEqual(expect.arrayContaining(hashes));
  expect(policy['script-src']).not.toContain("'unsafe-inline'");
});

it.each([
  ['Swagger UI', swaggerUi(), 2],
  ['Redoc', redoc(), 1],
  ['Scalar', scalar(), 1],
])(
  '%s loads exact versions from a CDN, with a hash and a policy for each URL',
  async (_name, page, count) => {
    const { html, policy } = await pageOf(page);
    const tags = [
      ...html.matchAll(/(?:src|href)="(https:\/\/cdn[^"]+@\d+\.\d+\.\d+\/[^"]+)" integrity="sha384-/g),
    ];
    expect(tags).toHaveLength(count);
    const allowed = [...(policy['script-src'] ?? []), ...(policy['style-src'] ?? [])];
    for (const [, url] of tags) expect(allowed).toContain(url);
  },
);

it('the integrity of Swagger UI is that of the installed package', async () => {
  const { html } = await pageOf(swaggerUi());
  const tags = [...html.matchAll(/npm\/swagger-ui-dist@([^/]+)\/([^"]+)" integrity="sha384-([^"]+)"/g)];
  expect(tags).toHaveLength(2);
  for (const [, version, file, hash] of tags) {
    expect(version).toBe(require('swagger-ui-dist/package.json').version);
    const bytes = readFileSync(path.join(absolutePath(), file as string));
    expect(hash).toBe(createHash('sha384').update(bytes).digest('base64'));
  }
});

describe('URLs', () => {
  it('are relative to the page, with a slash at its end or not', async () => {
    const page = swaggerUi({
      swaggerJsUrl: 'static/ui.js',
      swaggerCssUrl: '/ui.css',
      assets: absolutePath(),
    });
    const plain = await pageOf(page);
    expect(plain.html).toContain('src="static/ui.js"');
    const slash = await pageOf(page, '/docs/');
    for (const tag of ['src="../static/ui.js"', 'href="/ui.css"', 'href="?asset=favicon-32x32.png"'])
      expect(slash.html).toContain(tag);
    // The inline script drops the slash before it uses this URL.
    expect(dataOf(slash.html).parameters?.url).toBe('openapi.json');
    expect((await pageOf(redoc(), '/docs/')).html).toContain('spec-url="../openapi.json"');
  });

  it('that replace a file of the CDN have no integrity', async () => {
    const { html, policy } = await pageOf(swaggerUi({ swaggerJsUrl: '//cdn.example/ui.js?v=1' }));
    expect(html).toContain('<script src="//cdn.example/ui.js?v=1"></script>');
    expect(policy['script-src']?.slice(1)).toEqual(['cdn.example/ui.js']);
  });
});

it('a login window may answer the page only if the page has a redirect URL', async () => {
  const header = 'cross-origin-opener-policy';
  expect((await pageOf(swaggerUi())).headers[header]).toBeUndefined();
  const page = await pageOf(swaggerUi({ oauth2RedirectUrl: 'docs/oauth2-redirect' }));
  expect(page.headers[header]).toBe('same-origin-allow-popups');
  expect((await pageOf(swaggerUiOAuth2Redirect())).headers[header]).toBe('unsafe-none');
});

it('fonts of other hosts are off with `assets`, unless they are asked for', async () => {
  const assets = absolutePath();
  for (const page of [redoc({ assets }), scalar({ assets })])
    expect((await pageOf(page)).policy['font-src']).toEqual(["'self'", 'data:']);
  const asked = await pageOf(redoc({ assets, withGoogleFonts: true }));
  expect(asked.policy['font-src']).toContain('https://fonts.gstatic.com/');
  expect((await pageOf(redoc({ withGoogleFonts: false }))).html).not.toContain('fonts.googleapis');
});

it('a folder without the files is an error of the request for the file', async () => {
  const errors: unknown[] = [];
  const layer = new Layer({ onError: error => void errors.push(error) });
  const app = express().set('env', 'test').use(toExpress(layer));
  app.get('/docs', toExpress(swaggerUi({ assets: __dirname })));
  app.use(((error, _req, res, _next) => {
    errors.push(error);
    res.status(500).end();
  }) as express.ErrorRequestHandler);
  await supertest(app).get('/docs?asset=swagger-ui.css').expect(500);
  expect(errors).toContainEqual(expect.objectContaining({ code: 'FILE' }));
});

it('the pages are not in the document', async () => {
  const app = express().get('/docs', toExpress(swaggerUi())).get('/redoc', toExpress(redoc()));
  app.get('/openapi.json', toExpress(openapi(app, { title: 'Shop', version: '1' })));
  const { body } = await supertest(app).get('/openapi.json').expect(200);
  expect(body.paths).toEqual({});
});

it('names each page in a trace as the function that created it', async () => {
  const app = express();
  app.use(toExpress(new Layer()));
  const pages = { openapi: openapi(app, { title: 'Shop', version: '1' }), redoc: redoc(), scalar: scalar() };
  const all = { ...pages, swaggerUi: swaggerUi(), swaggerUiOAuth2Redirect: swaggerUiOAuth2Redirect() };
  for (const [name, page] of Object.entries(all)) app.get(`/${name}`, toExpress(page));
  const client = new TestClient(app);
  for (const name of Object.keys(all)) await client.get(`/${name}`);
  await client.settled();
  await client.close();
  expect(client.trace.filter(line => line !== 'sent 200')).toEqual(Object.keys(all));
});
