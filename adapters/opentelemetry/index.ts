/** Spans for the stages of requests: `callnext/opentelemetry`. */
export { CallnextInstrumentation, callnextInstrumentation } from './instrumentation.js';
export type { CallnextInstrumentationOptions } from './options.js';
