// Sends the same requests for files to nginx and to a FileResponse, and compares the answers. Debian:
// `apt-get install nginx-light`.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { endpoint, FileResponse } from 'callnext';
import { toNode } from 'callnext/node';
import { freePort, listening } from './own-server.mjs';

const nginx = find('nginx');
if (nginx === undefined) {
  console.error('test:nginx needs nginx, which is not installed: `apt-get install nginx-light`.');
  process.exit(1);
}
const folder = mkdtempSync(path.join(tmpdir(), 'callnext-nginx-'));
chmodSync(folder, 0o755);
writeFileSync(path.join(folder, 'small.txt'), '0123456789');
writeFileSync(path.join(folder, 'large.txt'), 'abcdefghij'.repeat(300_000));
writeFileSync(path.join(folder, 'empty.txt'), '');
const modified = statSync(path.join(folder, 'small.txt')).mtime;
const earlier = new Date(modified.getTime() - 60_000).toUTCString();
const later = new Date(modified.getTime() + 60_000).toUTCString();

/** `ETAG` stands for the one that the server has sent. */
const requests = [
  ['small.txt', {}],
  ['large.txt', {}],
  ['empty.txt', {}],
  ...['0-3', '5-5', '4-', '0-', '-3', '-300', '8-300', '10-', '100-200', '-0'].map(range => [
    'small.txt',
    { range: `bytes=${range}` },
  ]),
  ...['0-1,4-5', '0-1, 4-5, -1', '0-0,2-2,4-4,6-6', '0-1,100-200', '-1,0-0'].map(range => [
    'small.txt',
    { range: `bytes=${range}` },
  ]),
  ['large.txt', { range: 'bytes=1000000-1000099' }],
  ['large.txt', { range: 'bytes=0-9,2999990-' }],
  ['small.txt', { range: 'items=0-3' }],
  ['small.txt', { 'if-none-match': 'ETAG' }],
  ['small.txt', { 'if-none-match': 'W/ETAG' }],
  ['small.txt', { 'if-none-match': '"other", ETAG' }],
  ['small.txt', { 'if-none-match': '"other"' }],
  ['small.txt', { 'if-none-match': '*' }],
  ['small.txt', { 'if-modified-since': modified.toUTCString() }],
  ['small.txt', { 'if-modified-since': earlier }],
  ['small.txt', { 'if-none-match': '"other"', 'if-modified-since': modified.toUTCString() }],
  ['small.txt', { 'if-match': 'ETAG' }],
  ['small.txt', { 'if-match': '"other"' }],
  ['small.txt', { 'if-match': '*' }],
  ['small.txt', { 'if-unmodified-since': earlier }],
  ['small.txt', { 'if-unmodified-since': later }],
  ['small.txt', { range: 'bytes=0-3', 'if-range': 'ETAG' }],
  ['small.txt', { range: 'bytes=0-3', 'if-range': '"other"' }],
  ['small.txt', { range: 'bytes=0-3', 'if-range': modified.toUTCString() }],
  ['small.txt', { range: 'bytes=0-3', 'if-range': earlier }],
];

// Overlapping ranges are left out: we merge them, and nginx sends them separately.
const ours = http.createServer(
  toNode(
    endpoint(
      {},
      ({ request }) => new FileResponse(path.join(folder, path.basename(new URL(request.url).pathname))),
    ),
  ),
);
await new Promise(resolve => ours.listen(0, '127.0.0.1', resolve));
const port = await freePort();
const config = `daemon off; pid ${folder}/pid; error_log stderr crit; worker_processes 1;
  events {}
  http { access_log off; default_type application/octet-stream; types { text/plain txt; } charset utf-8;
    client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
    uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
    server { listen 127.0.0.1:${port}; root ${folder}; } }`;
writeFileSync(path.join(folder, 'nginx.conf'), config);
const server = spawn(nginx, ['-p', folder, '-c', path.join(folder, 'nginx.conf')], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
try {
  await listening('nginx', () => ask(port, 'HEAD', 'small.txt', {}));
  let [same, other] = [0, 0];
  for (const method of ['GET', 'HEAD'])
    for (const [file, headers] of requests) {
      const [theirs, mine] = [
        await answer(port, method, file, headers),
        await answer(ours.address().port, method, file, headers),
      ];
      if (isDeepStrictEqual(theirs, mine)) same += 1;
      else {
        other += 1;
        console.error(method, file, headers, '\n  nginx   ', theirs, '\n  callnext', mine);
      }
    }
  console.log(`${same} answers are those of nginx ${version()}, ${other} are not.`);
  if (other > 0) process.exitCode = 1;
} finally {
  server.kill('SIGTERM');
  await once(server, 'exit');
  ours.close();
  ours.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}

async function answer(port, method, file, headers) {
  const { headers: plain } = await ask(port, 'HEAD', file, {});
  const filled = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replace('ETAG', plain.etag)]),
  );
  const { status, headers: sent, body } = await ask(port, method, file, filled);
  // The servers have different error pages.
  if (status >= 400) return { status, range: sent['content-range'] };
  const boundary = /boundary=(\S+)/.exec(sent['content-type'] ?? '')?.[1];
  const bare = text =>
    boundary === undefined
      ? text
      : text
          ?.replaceAll(boundary, 'B')
          .replaceAll(/^(\r\n)?/g, '')
          .replaceAll('Content-type', 'Content-Type');
  return {
    status,
    length: boundary === undefined ? sent['content-length'] : undefined,
    range: sent['content-range'],
    type: bare(sent['content-type']),
    modified: sent['last-modified'],
    hasEtag: 'etag' in sent,
    body: bare(body)?.length > 1000 ? body.length : bare(body),
  };
}

function ask(port, method, file, headers) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, method, path: `/${file}`, headers }, response => {
      let body = '';
      response.setEncoding('latin1').on('data', chunk => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    request.on('error', reject).end();
  });
}

function find(name) {
  const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin'];
  for (const place of places) {
    try {
      execFileSync(`${place}/${name}`, ['-v'], { stdio: 'ignore' });
      return `${place}/${name}`;
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'EACCES') throw error;
    }
  }
  return undefined;
}

function version() {
  return spawnSync(nginx, ['-v'], { encoding: 'utf8' }).stderr.trim().split('/').pop();
}
