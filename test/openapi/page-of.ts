import { toExpress } from 'callnext/express';
import type { swaggerUi } from 'callnext/openapi';
import express from 'express';
import supertest from 'supertest';

export type Target = ReturnType<typeof swaggerUi>;

/** Requests a page at `/docs`. */
export async function pageOf(page: Target, at = '/docs') {
  const app = express().get('/docs', toExpress(page));
  const { text, headers } = await supertest(app).get(at).expect(200);
  return { html: text, policy: directivesOf(headers['content-security-policy'] ?? ''), headers };
}

function directivesOf(policy: string): Record<string, string[]> {
  return Object.fromEntries(
    policy.split('; ').map(each => [each.split(' ')[0] as string, each.split(' ').slice(1)]),
  );
}

/** The scripts of a page as a browser finds them: the first `</script` ends one. */
export function scriptsOf(html: string): { attributes: string; text: string }[] {
  const found = html.matchAll(/<script(?<attributes>[^>]*)>(?<text>[\s\S]*?)<\/script/gi);
  return [...found].map(({ groups }) => groups as { attributes: string; text: string });
}

/** The data for the inline script. */
export function dataOf(html: string): Record<string, Record<string, unknown>> {
  return JSON.parse(scriptsOf(html).find(({ attributes }) => attributes.includes('json'))?.text ?? '');
}
