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
    nav: [page('Guide', '/add-to-express'), page('API', '/api/'), page('Changelog', '/changelog')],
    sidebar: [
      {
        text: 'Begin',
        items: [
          page('callnext', '/'),
          page('Add to Express', '/add-to-express'),
          page('Add to Koa', '/add-to-koa'),
          page('From FastAPI', '/from-fastapi'),
        ],
      },
      {
        text: 'In depth',
        items: [
          page('The order', '/order'),
          page('Background tasks', '/background-tasks'),
          page('Bodies', '/bodies'),
          page('Responses', '/responses'),
          page('Middleware', '/middleware'),
          page('Held responses', '/held-response'),
          page('Edge cases', '/edge-cases'),
          page('Testing', '/testing'),
          page('Errors', '/errors'),
          page('Write an adapter', '/write-an-adapter'),
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
