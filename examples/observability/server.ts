// HttpInstrumentation patches `node:http` as it is loaded, so nothing that needs it is imported before.
import { startTracing } from './tracing.js';

startTracing();
const { app } = await import('./app.js');
app.listen(3000);
