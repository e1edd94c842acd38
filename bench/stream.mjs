// Sends 1 GiB through an Express app, unchanged and transformed, with and without a layer, each in its own
// process.
import http from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { start, stop, told } from './load.mjs';

const size = 2 ** 30;
/** How many GiB each server sends before it is measured: V8 needs three or four until all is compiled. */
const warmUps = 4;
const kinds = ['native', 'layer', 'native, transformed', 'layer, transformed'];

const layers = {
  pass: (request, callNext) => callNext(request),
  transform: Response => async (request, callNext) => {
    const response = await callNext(request);
    return new Response(changed(response.body), response);
  },
};

async function* changed(chunks) {
  for await (const chunk of chunks) yield change(chunk);
}

/** Changes every chunk, at little cost compared with sending it. */
function change(chunk) {
  chunk[0] = 0x79;
  return chunk;
}

async function serve(kind) {
  const { default: express } = await import('express');
  const [{ Response }, { toExpress }] = await Promise.all([import('callnext'), import('callnext/express')]);
  const app = express();
  if (kind === 'layer') app.use(toExpress(layers.pass));
  else if (kind === 'layer, transformed') app.use(toExpress(layers.transform(Response)));
  else app.use((_req, _res, next) => next());
  app.get('/', (_req, res) => {
    const steps = [source(), res];
    if (kind === 'native, transformed')
      steps.splice(1, 0, new Transform({ transform: (chunk, _, done) => done(null, change(chunk)) }));
    const used = process.cpuUsage();
    res.once('close', () => {
      const { user, system } = process.cpuUsage(used);
      process.send({ rss: process.resourceUsage().maxRSS / 1024, cpu: (user + system) / 1e6 });
    });
    pipeline(steps).catch(error => console.error(error));
  });
  const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  process.on('disconnect', () => process.exit());
}

function source() {
  const chunk = Buffer.alloc(65_536, 'x');
  let left = size;
  return new Readable({
    read() {
      left -= chunk.length;
      this.push(left >= 0 ? chunk : null);
    },
  });
}

/**
 * Runs the kinds in turns. Returns MiB per second, seconds of CPU time and peak memory in MiB for each round.
 */
export async function measureStreams(node, rounds) {
  const results = Object.fromEntries(kinds.map(kind => [kind, []]));
  const servers = [];
  for (const kind of kinds) servers.push({ kind, ...(await start('./stream.mjs', kind, node)) });
  for (let round = 1 - warmUps; round <= rounds; round += 1)
    for (const server of servers) {
      const result = await measureOne(server);
      if (round > 0) results[server.kind].push(result);
    }
  for (const server of servers) await stop(server);
  return results;
}

async function measureOne({ kind, child, url }) {
  const measured = told(child);
  const begun = performance.now();
  const bytes = await new Promise((resolve, reject) => {
    http
      .get(url, { agent: false }, res => {
        let count = 0;
        res.on('data', part => {
          count += part.length;
        });
        res.on('end', () => resolve(count));
      })
      .once('error', reject);
  });
  const seconds = (performance.now() - begun) / 1000;
  if (bytes !== size) throw new Error(`${kind}: ${bytes} of ${size} bytes arrived.`);
  return { ...(await measured), rate: size / 2 ** 20 / seconds };
}

if (process.send) await serve(process.argv[2]);
