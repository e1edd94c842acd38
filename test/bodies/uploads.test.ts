import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ask } from '../support/ask.js';
import { withChildServer } from '../support/child-server.js';
import { frameworks } from '../support/frameworks.js';

/** Starting a server process takes long on a busy machine. */
jest.setTimeout(60_000);

const server = path.join(__dirname, 'upload-server.ts');
/**
 * The process may write files of at most 2,048,000 bytes. The write that reaches the limit is short, and does
 * not fail.
 */
const limited = ['-c', `trap '' XFSZ; ulimit -f 2000; exec ${JSON.stringify(process.execPath)} "$0" "$@"`];
const headers = { 'content-type': 'multipart/form-data; boundary=b' };

function file(size: number): string {
  return `--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n${'x'.repeat(size)}\r\n`;
}

describe.each(frameworks)('an upload on $name', ({ name }) => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'uploads-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const upload = (body: string): Promise<{ status: number; text: string; told: unknown }> => {
    const options = { execPath: 'bash', execArgv: limited, env: { ...process.env, TMPDIR: folder } };
    return withChildServer(server, [name], options, async ({ port, tell }) => {
      const { status, text } = await ask(port, { method: 'POST', headers, body });
      return { status, text, told: await tell('what is left') };
    });
  };

  it('that the disk stores only in part is a 500 with a cause and leaves nothing behind', async () => {
    const { status, told } = await upload(`${file(1_500_000)}${file(2_048_050)}--b--\r\n`);
    expect(status).toBe(500);
    expect(told).toEqual({
      errors: [{ code: 'FORM_FILE', message: expect.stringContaining(folder), cause: 'EFBIG', left: 1 }],
      left: [],
    });
  });

  it('that fits on the disk is complete', async () => {
    const { status, text, told } = await upload(`${file(2_048_000)}--b--\r\n`);
    expect([status, text]).toEqual([200, '{"sizes":[2048000]}']);
    expect(told).toEqual({ errors: [], left: [] });
  });
});
