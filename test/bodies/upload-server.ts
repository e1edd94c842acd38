// Run by uploads.test.ts in a process with a limited file size: receives an upload and reports the files that
// remain.
import { readdirSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { type CallnextError, endpoint, Layer, type UploadFile } from 'callnext';
import { gate } from '../support/events.js';
import { frameworks } from '../support/frameworks.js';

const errors: unknown[] = [];
const read = gate();
const found = (): string[] => readdirSync(tmpdir(), { recursive: true, encoding: 'utf8' });

const upload = endpoint({}, async ({ request }) => {
  try {
    return { sizes: (await request.form()).getAll('f').map(file => (file as unknown as UploadFile).size) };
  } catch (error) {
    const { code, message, cause } = error as CallnextError;
    errors.push({ code, message, cause: (cause as NodeJS.ErrnoException).code, left: found().length });
    throw error;
  } finally {
    read.open();
  }
});

const [, , name] = process.argv;
const framework = frameworks.find(each => each.name === name);
const layer = new Layer({ onError: () => undefined });
const server = http.createServer(framework?.app().use(layer).at('/', upload).listener());
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

process.on('message', async () => {
  await read.opened;
  await layer.close();
  process.send?.({ errors, left: found() });
});
