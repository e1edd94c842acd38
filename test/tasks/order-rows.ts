/** What happens to the durable task of a request. */
export interface RequestCast {
  /** The layer's queue: none, one in memory, one that fails or hangs; by default one that stores tasks. */
  readonly queue?: 'none' | 'memory' | 'fails' | 'hangs';
  readonly whenQueueFails?: 'run';
  /** How the endpoint adds the task; among two functions by default. */
  readonly adds?: 'enqueue' | 'outbox';
  /** What throws. */
  readonly fails?: 'endpoint' | 'function exit' | 'request exit' | 'insert';
  /** Whether the layer runs out of time to close before step 8. */
  readonly closes?: true;
}

/** What happens to a job in a worker. */
export interface JobCast {
  readonly fails?: 'send-mail' | 'db exit' | 'queue';
  readonly isRefused?: true;
  readonly isLast?: true;
  readonly isLate?: true;
  readonly isUnknown?: true;
  /** Whether it adds a function and a durable task. */
  readonly adds?: true;
  readonly jobs?: 2;
}

/** A row of docs/reference/order.md. */
export interface TaskRow<Cast> {
  readonly title: string;
  readonly cast: Cast;
  /** The events as shown; `…` stands for the way in. */
  readonly shown: string;
  readonly events: readonly string[];
}

const wayIn = ['background enter', 'request enter', 'function enter'];

function row<Cast>(title: string, cast: Cast, shown: string): TaskRow<Cast> {
  return { title, cast, shown, events: shown.split(' → ').flatMap(event => (event === '…' ? wayIn : event)) };
}

export const requestRows: readonly TaskRow<RequestCast>[] = [
  row(
    'An endpoint adds a function, a durable task and a function',
    {},
    '… → endpoint → function exit → sent → request exit → first → queue send-mail → third → background exit',
  ),
  row(
    '…without a queue',
    { queue: 'none' },
    '… → endpoint → function exit → sent → request exit → first → db enter → send-mail → db exit → third → background exit',
  ),
  row(
    '…with a queue in memory',
    { queue: 'memory' },
    '… → endpoint → function exit → sent → request exit → first → queue send-mail → third → background exit → db enter → send-mail → db exit',
  ),
  row(
    'The queue fails, or does not answer in its time',
    { queue: 'fails' },
    '… → endpoint → function exit → sent → request exit → first → queue send-mail → reported background: not queued send-mail → third → background exit with not queued send-mail',
  ),
  row(
    '…and `whenQueueFails` is `run`',
    { queue: 'hangs', whenQueueFails: 'run' },
    '… → endpoint → function exit → sent → request exit → first → queue send-mail → reported background: not queued send-mail → db enter → send-mail → db exit → third → background exit',
  ),
  row(
    'The endpoint throws',
    { fails: 'endpoint' },
    '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → reported background: dropped first → reported background: dropped send-mail → reported background: dropped third → sent',
  ),
  row(
    'An exit of scope `function` throws: a commit fails',
    { fails: 'function exit' },
    '… → endpoint → function exit → request exit with function exit → background exit with function exit → reported background: dropped first → reported background: dropped send-mail → reported background: dropped third → sent',
  ),
  row(
    'An exit of scope `request` throws',
    { fails: 'request exit' },
    '… → endpoint → function exit → sent → request exit → reported exit: request exit → reported background: dropped first → reported background: dropped send-mail → reported background: dropped third → background exit with request exit',
  ),
  row(
    'The layer runs out of time to close before step 8',
    { closes: true },
    '… → endpoint → function exit → sent → request exit → reported background: undone first → reported background: undone send-mail → reported background: undone third → background exit with undone first',
  ),
  row(
    'The endpoint enqueues the task',
    { adds: 'enqueue' },
    '… → endpoint → queue send-mail → function exit → sent → request exit → background exit',
  ),
  row(
    '…and the queue fails',
    { adds: 'enqueue', queue: 'fails' },
    '… → endpoint → queue send-mail → function exit with not queued send-mail → request exit with not queued send-mail → background exit with not queued send-mail → sent',
  ),
  row(
    '…without a queue',
    { adds: 'enqueue', queue: 'none' },
    '… → endpoint → function exit → sent → request exit → db enter → send-mail → db exit → background exit',
  ),
  row(
    'The endpoint adds the task to an outbox',
    { adds: 'outbox' },
    '… → endpoint → insert send-mail → function exit → sent → request exit → background exit',
  ),
  row(
    '…and throws',
    { adds: 'outbox', fails: 'endpoint' },
    '… → endpoint → function exit with endpoint → request exit with endpoint → background exit with endpoint → sent',
  ),
  row(
    '…and the insert fails',
    { adds: 'outbox', fails: 'insert' },
    '… → endpoint → insert send-mail → function exit with insert → request exit with insert → background exit with insert → sent',
  ),
  row(
    '…and the commit fails, which takes the task back',
    { adds: 'outbox', fails: 'function exit' },
    '… → endpoint → insert send-mail → function exit → request exit with function exit → background exit with function exit → sent',
  ),
];

export const jobRows: readonly TaskRow<JobCast>[] = [
  row('The task succeeds', {}, 'pool enter → db enter → send-mail → db exit → done → pool exit'),
  row(
    'Two jobs share a dependency of scope `app`',
    { jobs: 2 },
    'pool enter → db enter → send-mail → db exit → done → db enter → send-mail → db exit → done → pool exit',
  ),
  row(
    'It adds a function and a durable task',
    { adds: true },
    'pool enter → db enter → send-mail → db exit → first → queue other → done → pool exit',
  ),
  row(
    '…and the queue fails',
    { adds: true, fails: 'queue' },
    'pool enter → db enter → send-mail → db exit → first → queue other → reported background: not queued other → again → pool exit',
  ),
  row(
    'It throws',
    { fails: 'send-mail' },
    'pool enter → db enter → send-mail → db exit with send-mail → reported background: send-mail → again → pool exit',
  ),
  row(
    '…in its last attempt',
    { fails: 'send-mail', isLast: true },
    'pool enter → db enter → send-mail → db exit with send-mail → reported background: send-mail → dead letter → pool exit',
  ),
  row(
    '…a `TaskRefused`',
    { fails: 'send-mail', isRefused: true },
    'pool enter → db enter → send-mail → db exit with send-mail → reported background: send-mail → dead letter → pool exit',
  ),
  row(
    'It exceeds its `timeoutMs`',
    { isLate: true },
    'pool enter → db enter → send-mail → db exit with timeout send-mail → reported background: timeout send-mail → again → pool exit',
  ),
  row(
    'An exit throws after it has run',
    { fails: 'db exit' },
    'pool enter → db enter → send-mail → db exit → reported background: db exit → again → pool exit',
  ),
  row(
    'The worker does not know the task',
    { isUnknown: true },
    'reported background: unknown send-mail → given back',
  ),
];
