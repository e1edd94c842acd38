import { PGlite } from '@electric-sql/pglite';
import type { SqlExecutor } from 'callnext/adapter';
import { Pool } from 'pg';

export interface Connection {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  release(): void;
}

/** A database of the app, and what pg-boss runs its statements with. */
export interface Database {
  readonly options: object;
  readonly boss: SqlExecutor;
  connect(): Promise<Connection>;
  end(): Promise<void>;
}

/** PostgreSQL with a pool, or PGlite with a lock, because its statements share one session. */
export async function openDatabase(url: string | undefined): Promise<Database> {
  return url === undefined ? embedded(await PGlite.create()) : pooled(new Pool({ connectionString: url }));
}

function pooled(pool: Pool): Database {
  pool.on('error', () => undefined);
  return {
    options: {},
    boss: { executeSql: (text, values) => pool.query(text, values).then(rowsOfAll) },
    connect: () => pool.connect(),
    end: () => pool.end(),
  };
}

/** Of several statements without values, pg answers with a list. */
function rowsOfAll(result: { rows: unknown[] } | { rows: unknown[] }[]): { rows: unknown[] } {
  return Array.isArray(result) ? { rows: result.flatMap(({ rows }) => rows) } : result;
}

function embedded(session: PGlite): Database {
  const { fromPglite } = require('pg-boss') as { fromPglite: (session: PGlite) => SqlExecutor };
  const inSession = fromPglite(session);
  let free = Promise.resolve();
  const lock = async (): Promise<() => void> => {
    const before = free;
    let release = (): void => undefined;
    free = new Promise(resolve => {
      release = resolve;
    });
    await before;
    return release;
  };
  return {
    options: { backend: 'pglite' },
    boss: {
      async executeSql(text, values) {
        const release = await lock();
        return inSession.executeSql(text, values).finally(release);
      },
    },
    async connect() {
      const release = await lock();
      return { query: (text, values) => session.query(text, values), release };
    },
    end: () => session.close(),
  };
}
