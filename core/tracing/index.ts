/** The stages of requests, for tools that watch: `callnext/tracing`. */
export type {
  ReportEvent,
  SettledEvent,
  StageEvent,
  StageKind,
  StageName,
  TracedEnvelope,
} from './events.js';
export { type Subscriber, subscribe } from './subscribe.js';
