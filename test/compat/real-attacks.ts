import type { Asked } from '../support/ask.js';
import { type Answered, Connection } from '../support/connection.js';
import { answered, failed, type RealRequest } from './real-requests.js';
import { type Kind, type Running, type Setting, thrown } from './real-settings.js';
import type { Store } from './real-store.js';

/** Uncaught errors, which the test collects. */
export const stray: unknown[] = [];

export const pause = (milliseconds: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, milliseconds));
export const isShared = ({ by }: Setting): boolean => by === 'guard' || by === 'layer';
export const hasTransaction = (setting: Setting, { connects }: RealRequest): boolean =>
  isShared(setting) || connects === true;
/** Whether a failing commit can still change the answer. */
export const isEarly = ({ scope }: Setting, { waits }: RealRequest): boolean =>
  scope === 'function' && !waits;

/** One attack: a connection, the app, and the list of what went wrong. */
export interface Attack extends Running {
  readonly connection: Connection;
  readonly expectAnswer: (got: Answered, kind: Kind, asked?: Asked) => void;
  readonly expectEqual: (what: string, got: unknown, wanted: unknown) => void;
}

/** Waits until every transaction has ended, for at most 3 s. */
export async function settled(store: Store): Promise<boolean> {
  const until = Date.now() + 3_000;
  do await pause(2);
  while (!store.isBalanced && Date.now() < until);
  return store.isBalanced;
}

/** Attacks an app, sends a second request on the same connection, and checks the store. */
export async function attack(
  running: Running,
  port: number,
  name: string,
  complaints: string[],
  during: (attack: Attack) => Promise<void>,
): Promise<void> {
  const { store, told } = running;
  store.clear();
  told.length = 0;
  stray.length = 0;
  const complain = (what: string): void => void complaints.push(`${name}: ${what}`);
  const expectEqual = (what: string, got: unknown, wanted: unknown): void => {
    if (got !== wanted) complain(`${what} is ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
  };
  const connection = new Connection(port);
  const expectAnswer: Attack['expectAnswer'] = (got, kind, { method } = {}) => {
    const { status, body } = thrown[kind];
    expectEqual('status', got.status, status);
    if (method !== 'HEAD' && !got.text.startsWith(body)) complain(`the body is ${got.text.slice(0, 200)}`);
  };
  await during({ ...running, connection, expectAnswer, expectEqual });
  if (!connection.isClosed) {
    const second = await connection.ask({ path: '/' });
    if (second.text !== 'welcome') complain(`the second answer is ${second.status} ${second.text}`);
  }
  connection.close();
  if (!(await settled(store))) complain(`a transaction is open: ${store.ends}`);
  expectEqual('what was used after its end', store.misuse.join(), '');
  expectEqual('what nobody caught', stray.map(String).join(), '');
}

/** Records every byte of the answers to all requests, and to a second one on the same connection. */
export async function record(port: number): Promise<Map<RealRequest, [Answered, Answered | 'closed']>> {
  const all = new Map<RealRequest, [Answered, Answered | 'closed']>();
  for (const request of [...answered, ...failed]) {
    const connection = new Connection(port);
    const first = await connection.ask(request);
    // Express cuts the connection of an answer that fails late, a turn or two later.
    if (request.failsLate && !connection.isClosed) await connection.more(20);
    all.set(request, [first, connection.isClosed ? 'closed' : await connection.ask({ path: '/' })]);
    connection.close();
  }
  return all;
}
