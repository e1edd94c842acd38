import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A server in a process of its own, whose memory and limits are its own. */
export interface ChildServer {
  readonly port: number;
  /** Sends a message, and resolves with the answer to it. */
  tell(message: string | number): Promise<unknown>;
}

/**
 * Runs `use` against the server of a file, and ends its process. The file sends its port, and then one message for each that it gets.
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

/** Rejects where the process ends without an answer. */
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
