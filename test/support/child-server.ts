import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A server in its own process, with its own memory and limits. */
export interface ChildServer {
  readonly port: number;
  /** Sends a message, and resolves with the reply. */
  tell(message: string | number): Promise<unknown>;
}

/**
 * Runs `use` against a server in a child process, and then ends the process. The file sends its port, and
 * then one reply per message.
 */
export async function withChildServer<T>(
  file: string,
  args: readonly string[],
  options: ForkOptions,
  use: (server: ChildServer) => Promise<T>,
): Promise<T> {
  const child = fork(path.join(__dirname, 'run-typescript.cjs'), [file, ...args], options);
  try {
    const port = (await answerOf(child)) as number;
    return await use({
      port,
      tell(message) {
        const answer = answerOf(child);
        child.send(message);
        return answer;
      },
    });
  } finally {
    child.kill();
  }
}

/** Rejects if the process ends without a reply. */
async function answerOf(child: ChildProcess): Promise<unknown> {
  const controller = new AbortController();
  const { signal } = controller;
  try {
    const ended = once(child, 'exit', { signal }).then(([code, name]) => {
      throw new Error(`The server has ended: ${code ?? name}.`);
    });
    ended.catch(() => undefined);
    const [answer] = (await Promise.race([once(child, 'message', { signal }), ended])) as [unknown];
    return answer;
  } finally {
    controller.abort();
  }
}
