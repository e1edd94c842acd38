// The lifecycle on Express, watched. Sends its parent the port, and on request the CPU time used.
import { createServer } from 'node:http';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { inspector } from 'callnext/inspector';
import { callnextInstrumentation } from 'callnext/opentelemetry';
import { subscribe } from 'callnext/tracing';
import { contenders } from './contenders.mjs';

function ignore() {
  // The cost of being called.
}

const watchers = {
  nobody: () => undefined,
  subscriber: () =>
    subscribe({
      start: ignore,
      end: ignore,
      error: ignore,
      asyncStart: ignore,
      asyncEnd: ignore,
      settled: ignore,
    }),
  inspector: () => inspector({ allow: () => true }),
  // Spans without an exporter: what the backend costs is not ours.
  'OpenTelemetry, every span': () => {
    new NodeTracerProvider().register();
    callnextInstrumentation();
  },
  'OpenTelemetry, SERVER spans': () => {
    new NodeTracerProvider().register();
    callnextInstrumentation({ middleware: false, dependencies: false, endpoints: false, tasks: false });
  },
};

watchers[process.argv[2]]();
const server = createServer(await contenders['express, lifecycle']());
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit());
