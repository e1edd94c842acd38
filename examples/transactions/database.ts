// The same SQL on an embedded PostgreSQL (pglite), or on the real one at
// DATABASE_URL.
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';

export interface Connection {
  query(sql: string, parameters?: unknown[]): Promise<{ rows: unknown[] }>;
  release(): void;
}

export interface Database {
  connect(): Promise<Connection>;
  end(): Promise<void>;
}

export async function openDatabase(
  url = process.env.DATABASE_URL,
): Promise<Database> {
  return url
    ? new pg.Pool({ connectionString: url })
    : embedded(await PGlite.create());
}

/** An embedded database has one session, so connections wait for each other. */
function embedded(session: PGlite): Database {
  let free = Promise.resolve();
  return {
    async connect() {
      const before = free;
      let release = (): void => undefined;
      free = new Promise(resolve => {
        release = resolve;
      });
      await before;
      return {
        query: (sql, parameters) => session.query(sql, parameters),
        release,
      };
    },
    end: () => session.close(),
  };
}
