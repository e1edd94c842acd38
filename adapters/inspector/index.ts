/** A page that draws every request as it runs: `callnext/inspector`. */
export { type InspectorOptions, inspector } from './inspector.js';
