import { TestClient } from 'callnext/testing';
import type { Express } from 'express';

/**
 * What one user sees from the first request to the last: it must not depend on
 * who answers a path.
 */
export async function visit(app: Express): Promise<unknown[]> {
  const client = new TestClient(app as never, { socket: true });
  const asked = [
    'GET /cart',
    'GET /items/1',
    'GET /items/3',
    'POST /login/ada',
    'POST /cart/1',
    'POST /cart/2',
    'GET /cart',
  ];
  const seen: unknown[] = [];
  for (const each of asked) {
    const [method = '', path = ''] = each.split(' ');
    const response = await client.fetch(path, { method });
    seen.push([each, response.status, await response.json()]);
  }
  await client.close();
  return seen;
}
