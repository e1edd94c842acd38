// One contender, by name. Tells its parent its port, and how much CPU time it has used when it is asked.
import { createServer } from 'node:http';
import { contenders } from './contenders.mjs';

const listener = await contenders[process.argv[2]]();
const server = typeof listener === 'function' ? createServer(listener) : listener;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit());
