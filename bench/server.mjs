// Runs one contender, by name. Sends its parent the port, and on request the CPU time used.
import { createServer } from 'node:http';
import { contenders } from './contenders.mjs';

const listener = await contenders[process.argv[2]]();
const server = typeof listener === 'function' ? createServer(listener) : listener;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit());
