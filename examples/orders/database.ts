// PostgreSQL at DATABASE_URL, or else an embedded one (PGlite) in the folder
// ORDERS_DATA, which one process at a time may open.
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { fromPglite } from 'pg-boss';
import { Lock } from './lock.js';

export interface Connection {
  query(sql: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  release(): void;
}

export interface Database {
  connect(): Promise<Connection>;
  end(): Promise<void>;
  /** What pg-boss is constructed with. */
  readonly boss: object;
}

const { DATABASE_URL, ORDERS_DATA } = process.env;

export const isEmbedded = DATABASE_URL === undefined;
export const database = DATABASE_URL
  ? onServer(DATABASE_URL)
  : embedded(new PGlite(ORDERS_DATA));

function onServer(connectionString: string): Database {
  const pool = new pg.Pool({ connectionString });
  pool.on('error', error => console.error(error.message));
  return {
    connect: () => pool.connect(),
    end: () => pool.end(),
    boss: { connectionString },
  };
}

/**
 * An embedded database has one session. Without the lock, what pg-boss does in
 * the background would become part of an open transaction of the app.
 */
function embedded(session: PGlite): Database {
  const db = fromPglite(session);
  const lock = new Lock();
  return {
    async connect() {
      const release = await lock.take();
      return { query: (sql, values) => session.query(sql, values), release };
    },
    end: () => session.close(),
    boss: {
      backend: 'pglite',
      db: {
        async executeSql(sql: string, values?: unknown[]) {
          const release = await lock.take();
          return db.executeSql(sql, values).finally(release);
        },
      },
    },
  };
}
