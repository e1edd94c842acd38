import { listening } from '../support/frameworks.js';
import { realApp } from './real-app.js';
import {
  type Attack,
  attack,
  hasTransaction,
  isEarly,
  isShared,
  pause,
  record,
  settled,
  stray,
} from './real-attacks.js';
import { answered, brokenUpload, failed, type RealRequest } from './real-requests.js';
import { kinds, run, settings, thrown, titleOf } from './real-settings.js';
import { Store } from './real-store.js';

// Attacks a whole app: each answer is right, nothing hangs, and nothing that failed has committed.

const noteStray = (error: unknown): void => void stray.push(error);
beforeAll(() => {
  process.on('unhandledRejection', noteStray).on('uncaughtException', noteStray);
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterAll(() => {
  process.off('unhandledRejection', noteStray).off('uncaughtException', noteStray);
  jest.restoreAllMocks();
});

/** Covers each way, place and boundary in turn, without all combinations. */
const attackedSettings = settings.filter((_setting, index) => index % 5 === 0);

describe('an app with sessions, compression, uploads, logins and its own error format', () => {
  let before: Awaited<ReturnType<typeof record>>;
  beforeAll(async () => {
    before = await listening(realApp(new Store()), (_url, port) => record(port));
  });

  it.each(settings.map(setting => [titleOf(setting), setting] as const))(
    'answers byte for byte as without callnext: %s',
    async (_title, setting) => {
      const { listener, store } = run(setting);
      const after = await listening(listener, (_url, port) => record(port));
      // Code that holds a transaction and fails after its answer must not report success for a rollback.
      const isReplaced = ({ failsLate }: RealRequest): boolean => failsLate === true && !isShared(setting);
      for (const [request, [first, second]] of before) {
        const now = after.get(request);
        if (isReplaced(request))
          expect([now?.[0].status, now?.[0].text]).toEqual([500, expect.stringMatching(/^{"error"/)]);
        else expect([request.name, now?.[0].raw]).toEqual([request.name, first.raw]);
        const isCut = second === 'closed' || now?.[1] === 'closed';
        if (!isCut) expect([request.name, now?.[1]]).toEqual([request.name, second]);
      }
      expect(await settled(store)).toBe(true);
      expect(store.misuse).toEqual([]);
    },
  );

  describe.each(attackedSettings.map(setting => [titleOf(setting), setting] as const))(
    '%s',
    (_title, setting) => {
      /** Runs attacks on one app. Resolves with everything that went wrong. */
      const attackAll = (
        attacks: readonly (readonly [string, (attack: Attack) => Promise<void>])[],
        options = {},
      ): Promise<string[]> => {
        const running = run(setting, options);
        return listening(running.listener, async (_url, port) => {
          const complaints: string[] = [];
          for (const [name, during] of attacks) await attack(running, port, name, complaints, during);
          return complaints;
        });
      };
      const inAll = (
        during: (request: RealRequest, kind: (typeof kinds)[number], attack: Attack) => Promise<void>,
      ) =>
        answered.flatMap(request =>
          kinds.map(kind => [`${request.name}, ${kind}`, (on: Attack) => during(request, kind, on)] as const),
        );

      it('rolls back only what failed', async () => {
        const each = [...answered, ...failed].map(
          request =>
            [
              request.name,
              async ({ connection, store, expectEqual }: Attack) => {
                await connection.ask(request);
                if (request.closes || request.failsLate) connection.close();
                await settled(store);
                // A guard runs after the body parsers; a failure in those has no transaction yet.
                const wanted = request.fails ? 'BEGIN ROLLBACK' : 'BEGIN COMMIT';
                if (hasTransaction(setting, request)) expectEqual('the order', store.ends, wanted);
              },
            ] as const,
        );
        expect(await attackAll(each)).toEqual([]);
      });

      it('reports a failed commit to the client, or to `onError` once the answer was sent', async () => {
        const attacks = inAll(
          async (request, kind, { connection, store, told, expectAnswer, expectEqual }) => {
            if (!hasTransaction(setting, request)) return;
            store.failures.commit = thrown[kind].make();
            const got = await connection.ask(request);
            await settled(store);
            expectEqual('the order', store.ends, 'BEGIN ROLLBACK');
            if (isEarly(setting, request)) expectAnswer(got, kind, request);
            else expectEqual('what onError received', told.length, 1);
          },
        );
        expect(await attackAll(attacks)).toEqual([]);
      });

      it("answers in the app's format when a middleware throws after callNext", async () => {
        const attacks = inAll(async (request, kind, { connection, store, expectAnswer, expectEqual }) => {
          const headers = { ...request.headers, 'x-after': kind };
          expectAnswer(await connection.ask({ ...request, headers }), kind, request);
          await settled(store);
          const wanted = isEarly(setting, request) ? 'BEGIN COMMIT' : 'BEGIN ROLLBACK';
          if (hasTransaction(setting, request)) expectEqual('the order', store.ends, wanted);
        });
        expect(await attackAll(attacks)).toEqual([]);
      });

      it('begins nothing when a middleware throws before callNext', async () => {
        const attacks = inAll(async (request, kind, { connection, store, expectAnswer, expectEqual }) => {
          const headers = { ...request.headers, 'x-before': kind };
          expectAnswer(await connection.ask({ ...request, headers }), kind, request);
          expectEqual('the log', store.log.join(), '');
        });
        expect(await attackAll(attacks)).toEqual([]);
      });

      it("answers in the app's format when BEGIN fails", async () => {
        const attacks = inAll(async (request, kind, { connection, store, expectAnswer, expectEqual }) => {
          // Without a boundary, an HTTPException of a native handler goes to the app's error middleware.
          if (!hasTransaction(setting, request) || (kind === 'http' && !isShared(setting))) return;
          store.failures.begin = thrown[kind].make();
          expectAnswer(await connection.ask(request), kind, request);
          expectEqual('the log', store.log.join(), '');
        });
        expect(await attackAll(attacks)).toEqual([]);
      });

      it('keeps the transaction for a handler whose answer a middleware replaces', async () => {
        const attacks = answered.map(
          request =>
            [
              request.name,
              async ({ connection, store, expectEqual }: Attack) => {
                const headers = { ...request.headers, 'x-replace': '1' };
                const got = await connection.ask({ ...request, headers });
                expectEqual('the status', got.status, 200);
                if (request.method !== 'HEAD') expectEqual('the body', got.text, '"replaced"');
                await settled(store);
                if (hasTransaction(setting, request)) expectEqual('the order', store.ends, 'BEGIN COMMIT');
              },
            ] as const,
        );
        expect(await attackAll(attacks)).toEqual([]);
      });

      it('keeps the order when the client leaves', async () => {
        const leaving = async (
          { connection, store, expectEqual }: Attack,
          leave: () => void,
        ): Promise<void> => {
          connection.send({ path: '/slow' });
          await store.whenWaiting();
          leave();
          await pause(20);
          expectEqual('the order while the handler works', store.ends, 'BEGIN');
          store.goOn();
          await settled(store);
          connection.close();
          expectEqual('the log', store.log.join(), 'BEGIN,INSERT before,INSERT after,COMMIT');
        };
        const downloading = async (
          { connection, store, expectEqual }: Attack,
          path: string,
        ): Promise<void> => {
          connection.send({ path });
          await connection.more();
          connection.close();
          await settled(store);
          expectEqual('the order', store.ends, 'BEGIN COMMIT');
        };
        const attacks: [string, (attack: Attack) => Promise<void>][] = [
          ['while the handler works', on => leaving(on, () => on.connection.close())],
          ['by garbage', on => leaving(on, () => void on.connection.socket.write('\0garbage\r\n\r\n'))],
          ['by the end of what it sends', on => leaving(on, () => void on.connection.socket.end())],
          ['in a download', on => downloading(on, '/cursor')],
          [
            'in its upload',
            async ({ connection, store, expectEqual }) => {
              connection.send({ ...brokenUpload, body: undefined as never });
              connection.socket.write(String(brokenUpload.body));
              await pause(20);
              connection.close();
              await pause(20);
              await settled(store);
              expectEqual('a commit', store.log.includes('COMMIT'), false);
            },
          ],
        ];
        expect(await attackAll(attacks)).toEqual([]);
      });

      it('leaves the transaction to a handler that outlives a timeout', async () => {
        const late = async (
          { connection, store, expectEqual }: Attack,
          then: () => unknown,
        ): Promise<void> => {
          const got = await connection.ask({ path: '/slow' });
          expectEqual('the answer', got.text, '{"detail":"Gateway Timeout"}');
          await then();
          await pause(20);
          expectEqual('what has ended', store.ends, 'BEGIN');
          store.goOn();
          await settled(store);
          expectEqual('the log', store.log.join(), 'BEGIN,INSERT before,INSERT after,ROLLBACK');
        };
        const attacks: [string, (attack: Attack) => Promise<void>][] = [
          ['and stays', on => late(on, () => undefined)],
          ['and leaves', on => late(on, () => on.connection.close())],
        ];
        expect(await attackAll(attacks, { timeoutMs: 200 })).toEqual([]);
      });

      it('gives the error middleware no second transaction', async () => {
        const onError = (_error: unknown, transaction: Promise<{ query: (sql: string) => Promise<void> }>) =>
          transaction.then(each => each.query('INSERT error')).catch(() => undefined);
        const attacks = failed
          .filter(request => request.connects && !request.closes)
          .map(
            request =>
              [
                request.name,
                async ({ connection, store, expectEqual }: Attack) => {
                  await connection.ask(request);
                  if (request.failsLate) connection.close();
                  await settled(store);
                  expectEqual('the order', store.ends, 'BEGIN ROLLBACK');
                },
              ] as const,
          );
        expect(await attackAll(attacks, { onError })).toEqual([]);
      });
    },
  );
});
