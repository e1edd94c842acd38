// https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/
import {
  Depends,
  dependency,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
} from 'callnext';
import type { Page } from './page.js';

/** What happened, in its order. */
export const events: string[] = [];

class DBSession {
  close(): void {
    events.push('session closed');
  }
}

async function* getDb() {
  const db = new DBSession();
  try {
    yield db;
  } finally {
    db.close();
  }
}

// "Sub-dependencies with yield": the last one entered exits first.
async function* dependencyA() {
  events.push('enter a');
  try {
    yield 'a';
  } finally {
    events.push('exit a');
  }
}

const dependencyB = dependency(
  { a: Depends(dependencyA) },
  async function* b({ a }) {
    events.push('enter b');
    try {
      yield `b of ${a}`;
    } finally {
      events.push('exit b');
    }
  },
);

const readNested = endpoint(
  { b: Depends(dependencyB), db: Depends(getDb) },
  ({ b }) => ({ b }),
);

// "Dependencies with yield and HTTPException"
class OwnerError extends Error {}

const data: Record<string, { description: string; owner: string }> = {
  plumbus: { description: 'Freshly pickled plumbus', owner: 'Morty' },
  'portal-gun': { description: 'Gun to create portals', owner: 'Rick' },
};

async function* getUsername(_context: Injected) {
  try {
    yield 'Rick';
  } catch (error) {
    if (!(error instanceof OwnerError)) throw error;
    throw new HTTPException(400, `Owner error: ${error.message}`);
  }
}

const getItem = endpoint(
  { username: Depends(getUsername) },
  ({ username, request }) => {
    const item = data[request.pathParams.itemId ?? ''];
    if (!item) throw new HTTPException(404, 'Item not found');
    if (item.owner !== username) throw new OwnerError(username);
    return item;
  },
);

// "Dependencies with yield and except": a dependency that catches an error
// without rethrowing it is reported, and the client gets a 500.
class InternalError extends Error {}

async function* swallowing() {
  try {
    yield 'Rick';
  } catch (error) {
    events.push(`caught ${(error as Error).name}: we don't raise again`);
  }
}

const getSwallowed = endpoint(
  { username: Depends(swallowing) },
  ({ request }) => {
    if (request.pathParams.itemId === 'portal-gun')
      throw new InternalError('The portal gun is too dangerous');
    throw new HTTPException(404, "Item not found, there's only a plumbus here");
  },
);

// "Early exit and scope"
async function* getFunctionScoped() {
  try {
    yield 'Rick';
  } finally {
    events.push('cleanup before the response is sent');
  }
}

const getMe = endpoint(
  { username: Depends(getFunctionScoped, { scope: 'function' }) },
  ({ username }) => username,
);

export const page: Page = {
  layer: new Layer({
    middleware: [
      async function observe(request, callNext) {
        const response = await callNext(request);
        events.push(`answered ${response.status}`);
        return response;
      },
    ],
    onError: error => {
      events.push(
        `reported ${(error as { code?: string }).code ?? error.name}`,
      );
    },
  }),
  routes: [
    { method: 'get', path: '/nested', endpoint: readNested },
    { method: 'get', path: '/items/:itemId', endpoint: getItem },
    { method: 'get', path: '/swallowed/:itemId', endpoint: getSwallowed },
    { method: 'get', path: '/users/me', endpoint: getMe },
  ],
};
