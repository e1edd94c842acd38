// 1 GiB through an Express app, with a layer and without: throughput and peak memory, each in a process of its own.
import { fork } from 'node:child_process';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

const size = 2 ** 30;
const rounds = 5;

if (process.send) await serve(process.argv[2]);
else await compare();

async function serve(kind) {
  const { default: express } = await import('express');
  const app = express();
  if (kind === 'layer') {
    const { toExpress } = await import('callnext/express');
    app.use(toExpress((request, callNext) => callNext(request)));
  } else app.use((_req, _res, next) => next());
  const chunk = Buffer.alloc(65_536, 'x');
  app.get('/', (_req, res) => {
    let left = size;
    const source = new Readable({
      read() {
        left -= chunk.length;
        this.push(left >= 0 ? chunk : null);
      },
    });
    pipeline(source, res).then(() => process.send({ rss: process.resourceUsage().maxRSS / 1024 }));
  });
  const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
}

async function measure(kind) {
  const child = fork(fileURLToPath(import.meta.url), [kind]);
  const told = () => new Promise(resolve => child.once('message', resolve));
  const { port } = await told();
  const peak = told();
  const begun = performance.now();
  const bytes = await new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port }, res => {
        let count = 0;
        res.on('data', part => {
          count += part.length;
        });
        res.on('end', () => resolve(count));
      })
      .once('error', reject);
  });
  const seconds = (performance.now() - begun) / 1000;
  const { rss } = await peak;
  child.kill();
  if (bytes !== size) throw new Error(`${kind}: ${bytes} of ${size} bytes arrived.`);
  return { rss, rate: size / 2 ** 20 / seconds };
}

async function compare() {
  const ratios = [];
  const more = [];
  for (let round = 0; round < rounds; round += 1) {
    const native = await measure('native');
    const layer = await measure('layer');
    ratios.push(layer.rate / native.rate);
    more.push(layer.rss - native.rss);
    console.log(
      `native ${native.rate.toFixed(0)} MiB/s, ${native.rss.toFixed(0)} MiB; with a layer ${layer.rate.toFixed(0)} MiB/s, ${layer.rss.toFixed(0)} MiB`,
    );
  }
  console.log(
    `median: throughput ${median(ratios).toFixed(2)} of native, peak memory ${median(more).toFixed(1)} MiB more`,
  );
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
