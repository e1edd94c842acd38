import { defineConfig } from 'vitepress';

const page = (text: string, link: string) => ({ text, link });

export default defineConfig({
  title: 'callnext',
  description: "FastAPI's middleware semantics for Express and Koa",
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // Generics in prose are no tags.
  markdown: { html: false },
  themeConfig: {
    search: { provider: 'local' },
    nav: [page('Guide', '/guides/add-to-express'), page('API', '/api/'), page('Changelog', '/changelog')],
    sidebar: [
      {
        text: 'Begin',
        items: [
          page('callnext', '/'),
          page('Add to Express', '/guides/add-to-express'),
          page('Add to Koa', '/guides/add-to-koa'),
          page('From FastAPI', '/guides/from-fastapi'),
        ],
      },
      {
        text: 'In depth',
        items: [
          page('The order', '/reference/order'),
          page('Background tasks', '/reference/background-tasks'),
          page('Bodies', '/reference/bodies'),
          page('Responses', '/reference/responses'),
          page('Middleware', '/reference/middleware'),
          page('Held responses', '/internals/held-response'),
          page('Edge cases', '/internals/edge-cases'),
          page('Testing', '/guides/testing'),
          page('Errors', '/reference/errors'),
          page('Write an adapter', '/internals/write-an-adapter'),
          page('What it costs', '/bench'),
        ],
      },
      {
        text: 'Reference',
        items: [
          page('API', '/api/'),
          page('Decisions', '/decisions/'),
          page('Changelog', '/changelog'),
          page('Contributing', '/contributing'),
          page('Security', '/security'),
        ],
      },
    ],
    outline: [2, 3],
  },
});
