import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitepress';

const page = (text: string, link: string) => ({ text, link });

function decisions() {
  const folder = path.join(import.meta.dirname, '../decisions');
  const names = readdirSync(folder).filter(name => name !== 'index.md');
  return names.sort().map(name => {
    const text = /^# (.*)/.exec(readFileSync(path.join(folder, name), 'utf8'))?.[1] ?? name;
    return page(text.replaceAll('`', ''), `/decisions/${name.replace('.md', '')}`);
  });
}

export default defineConfig({
  title: 'callnext',
  description: "FastAPI's middleware semantics for Express and Koa",
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // Generics in prose are no tags.
  markdown: { html: false },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      page('Guides', '/guides/add-to-express'),
      page('Reference', '/reference/order'),
      page('API', '/api/'),
      page('Changelog', '/changelog'),
    ],
    sidebar: [
      {
        text: 'Start',
        items: [page('callnext', '/'), page('All pages', '/docs'), page('Examples', '/examples')],
      },
      {
        text: 'Guides',
        items: [
          page('Add to Express', '/guides/add-to-express'),
          page('Add to Koa', '/guides/add-to-koa'),
          page('From FastAPI', '/guides/from-fastapi'),
          page('Parameters', '/guides/parameters'),
          page('Durable tasks', '/guides/durable-tasks'),
          page('Recipes', '/guides/recipes'),
          page('Testing', '/guides/testing'),
          page('Deployment', '/guides/deployment'),
        ],
      },
      {
        text: 'Reference',
        items: [
          page('The order', '/reference/order'),
          page('Layer', '/reference/layer'),
          page('Dependencies', '/reference/dependencies'),
          page('Background tasks', '/reference/background-tasks'),
          page('Middleware', '/reference/middleware'),
          page('Requests', '/reference/requests'),
          page('Bodies', '/reference/bodies'),
          page('Responses', '/reference/responses'),
          page('Errors', '/reference/errors'),
        ],
      },
      {
        text: 'API',
        items: [
          page('All exports', '/api/'),
          page('Layer', '/api/Layer'),
          page('Endpoint and dependencies', '/api/Endpoint-and-dependencies'),
          page('Background tasks', '/api/Background-tasks'),
          page('Durable tasks', '/api/Durable-tasks'),
          page('Request', '/api/Request'),
          page('Response', '/api/Response'),
          page('Errors', '/api/Errors'),
          page('Express adapter', '/api/Express-adapter'),
          page('Koa adapter', '/api/Koa-adapter'),
          page('Node adapter', '/api/Node-adapter'),
          page('Middleware', '/api/Middleware'),
          page('Testing', '/api/Testing'),
        ],
      },
      {
        text: 'Internals',
        items: [
          page('Held responses', '/internals/held-response'),
          page('Edge cases', '/internals/edge-cases'),
          page('Late failures', '/internals/late-failures'),
          page('Write an adapter', '/internals/write-an-adapter'),
          page('Write a queue', '/internals/write-a-queue'),
          page('Performance', '/bench'),
          page('Decisions', '/decisions/'),
        ],
      },
      { text: 'Decisions', collapsed: true, items: decisions() },
      {
        text: 'Project',
        items: [
          page('Changelog', '/changelog'),
          page('Contributing', '/contributing'),
          page('Security', '/security'),
        ],
      },
    ],
    outline: [2, 3],
  },
});
