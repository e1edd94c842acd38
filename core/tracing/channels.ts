import type { ReportEvent, SettledEvent, StageEvent, StageName } from './events.js';

/** The part of a channel of `node:diagnostics_channel` that is used. */
export interface Channel<Event> {
  readonly hasSubscribers: boolean;
  publish(event: Event): void;
  subscribe(handler: (event: Event) => void): void;
  unsubscribe(handler: (event: Event) => void): boolean;
}

/** The part of a `TracingChannel` that is used. */
export interface StageChannel {
  readonly start: Channel<StageEvent> & {
    /** Publishes the event, and runs the function with the stores that are bound to the channel. */
    runStores<T>(event: StageEvent, work: () => T): T;
  };
  readonly end: Channel<StageEvent>;
  readonly asyncStart: Channel<StageEvent>;
  readonly asyncEnd: Channel<StageEvent>;
  readonly error: Channel<StageEvent>;
  readonly hasSubscribers: boolean;
}

/** Where stages are published: the part of `node:diagnostics_channel` that is used. */
export interface Diagnostics {
  channel(name: string): Channel<never>;
  tracingChannel(name: string): StageChannel;
}

/**
 * The platform's channels. They are looked up, not imported, so that the core also loads where there are
 * none; then nothing is published.
 */
function diagnosticsOf(platform: object): Diagnostics | undefined {
  const { process } = platform as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.('node:diagnostics_channel') as Diagnostics | undefined;
}

const diagnostics = diagnosticsOf(globalThis);

function stage(name: StageName): StageChannel | undefined {
  return diagnostics?.tracingChannel(`callnext.${name}`);
}

/** The channel of each stage; `undefined` on a platform without channels. */
export const stageChannels: Readonly<Record<StageName, StageChannel | undefined>> = {
  request: stage('request'),
  middleware: stage('middleware'),
  'dependency.enter': stage('dependency.enter'),
  'dependency.exit': stage('dependency.exit'),
  endpoint: stage('endpoint'),
  send: stage('send'),
  task: stage('task'),
  enqueue: stage('enqueue'),
};

export const reportChannel: Channel<ReportEvent> | undefined = diagnostics?.channel('callnext.report');
export const settledChannel: Channel<SettledEvent> | undefined = diagnostics?.channel('callnext.settled');

/** Every channel, for the one question of each request: does anybody listen? */
export const channels: readonly { readonly hasSubscribers: boolean }[] = [
  ...Object.values(stageChannels),
  reportChannel,
  settledChannel,
].filter(each => each !== undefined);
