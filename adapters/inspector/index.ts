/** A page that draws every request as it runs: `callnext/inspector`. */
export { type Inspector, type InspectorOptions, inspector } from './inspector.js';
