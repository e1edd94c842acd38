/** What users import from `callnext/node`. */
export { type FetchHandler, fetchEndpoint } from './mount-fetch.js';
export { backgroundTasks, inject, type NodeListener, toNode } from './to-node.js';
