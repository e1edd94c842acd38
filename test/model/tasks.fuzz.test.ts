import { Depends, dependency, Layer } from 'callnext';
import {
  memoryQueue,
  outbox,
  runWorker,
  type Task,
  type TaskEnvelope,
  type TaskQueue,
  TaskRefused,
  task,
} from 'callnext/tasks';
import fc from 'fast-check';

const numRuns = Number(process.env.MODEL_RUNS ?? 50) * 4;
const seed = process.env.MODEL_SEED === undefined ? 20261129 : Number(process.env.MODEL_SEED);

/** A task that one request adds. */
interface TaskPlan {
  readonly by: 'addTask' | 'always' | 'enqueue' | 'outbox';
  /** How often its handler fails, then how often an exit does, before it succeeds. */
  readonly failures: number;
  readonly exitFailures: number;
  readonly isRefused: boolean;
  readonly turns: number;
  /** Whether it adds a function that fails. */
  readonly adds: boolean;
}

interface RequestPlan {
  readonly tasks: readonly TaskPlan[];
  readonly arrives: number;
  readonly fails: 'endpoint' | 'commit' | 'exit' | 'nothing' | 'insert';
}

interface Plan {
  readonly requests: readonly RequestPlan[];
  /** Which sends fail. */
  readonly sends: readonly boolean[];
  readonly whenQueueFails: 'report' | 'run';
  readonly concurrency: number;
  readonly hasQueue: boolean;
  /** Whether the queue can store tasks in a transaction. */
  readonly isTransactional: boolean;
  readonly closesAt: number;
  /** Whether the layer waits for all work. */
  readonly isPatient: boolean;
}

const ofTask = fc.record<TaskPlan>({
  by: fc.constantFrom('addTask', 'always', 'enqueue', 'outbox'),
  failures: fc.constantFrom(0, 0, 0, 1, 2, 9),
  exitFailures: fc.constantFrom(0, 0, 0, 1),
  isRefused: fc.constantFrom(false, false, false, true),
  turns: fc.nat(3),
  adds: fc.boolean(),
});

const plan: fc.Arbitrary<Plan> = fc.record({
  requests: fc.array(
    fc.record<RequestPlan>({
      tasks: fc.array(ofTask, { maxLength: 4 }),
      arrives: fc.nat(6),
      fails: fc.constantFrom('nothing', 'nothing', 'nothing', 'endpoint', 'commit', 'exit', 'insert'),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  sends: fc.array(fc.constantFrom(false, false, false, true), { maxLength: 8 }),
  whenQueueFails: fc.constantFrom('report' as const, 'run' as const),
  concurrency: fc.integer({ min: 1, max: 3 }),
  hasQueue: fc.constantFrom(true, true, true, false),
  isTransactional: fc.boolean(),
  closesAt: fc.nat(14),
  isPatient: fc.constantFrom(true, true, false),
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(resolve => setImmediate(resolve));
}

/** What became of a task. */
interface Fate {
  readonly plan: TaskPlan;
  readonly task: Task<undefined>;
  readonly attempts: number[];
  successes: number;
  /** Whether its request added it. */
  isAdded: boolean;
  isCommitted: boolean;
}

/** Tasks of an open transaction, which a commit hands to the queue. */
interface Transaction {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

const lost = ['TASK_DROPPED', 'TASK_UNDONE', 'TASK_NOT_QUEUED'];

/** Plays a plan, and notes every broken promise. */
class Stage {
  readonly wrong: string[] = [];
  readonly #plan: Plan;
  readonly #fates = new Map<string, Fate>();
  /** The codes that `onError` received for each task. */
  readonly #reports = new Map<string, string[]>();
  #entered = 0;
  #exited = 0;
  #sends = 0;
  readonly #queue: TaskQueue;
  readonly #layer: Layer;

  constructor(given: Plan) {
    this.#plan = given;
    this.#queue = this.#faulty(memoryQueue());
    this.#layer = new Layer({
      ...(given.hasQueue ? { taskQueue: this.#queue } : {}),
      whenQueueFails: given.whenQueueFails,
      onError: (error, { name = '' }) => {
        const { code = error.message } = error as { code?: string };
        this.#reports.set(name, [...(this.#reports.get(name) ?? []), code]);
      },
    });
    for (const [index, { tasks }] of given.requests.entries())
      for (const [at, each] of tasks.entries()) this.#add(`task-${index}-${at}`, each);
  }

  #faulty(queue: TaskQueue): TaskQueue {
    const send = queue.send.bind(queue);
    queue.send = async (envelopes, signal) => {
      this.#sends += 1;
      if (this.#plan.sends[this.#sends - 1]) throw new Error('queue down');
      await send(envelopes, signal);
    };
    this.#commit = staged => send(staged, new AbortController().signal);
    if (this.#plan.isTransactional)
      queue.insert = async (envelopes, executor) => {
        await executor.executeSql('INSERT', [...envelopes]);
      };
    return queue;
  }

  #commit: (staged: TaskEnvelope[]) => Promise<void> = async () => undefined;

  #counted(fails: () => boolean) {
    const stage = this;
    return dependency({}, async function* counted() {
      stage.#entered += 1;
      try {
        yield;
      } finally {
        stage.#exited += 1;
      }
      if (fails()) throw new Error('exit');
    });
  }

  async play(): Promise<void> {
    const { requests, closesAt, isPatient, hasQueue, concurrency } = this.#plan;
    const known = [...this.#fates.values()].map(fate => fate.task);
    if (hasQueue) await runWorker(this.#layer, known, { concurrency });
    const running = requests.map((each, index) => this.#request(each, index));
    await turns(closesAt);
    const undone = await this.#layer.close(isPatient ? {} : { timeoutMs: 0 });
    await Promise.all(running);
    await turns(20);
    this.#check(undone.tasks);
  }

  async #request(request: RequestPlan, index: number): Promise<void> {
    await turns(request.arrives);
    const fates = request.tasks.map((_each, at) => this.#fates.get(`task-${index}-${at}`) as Fate);
    const box = Depends(outbox(Depends(this.#transaction(request, fates), { scope: 'function' })), {
      scope: 'function',
    });
    const counted = Depends(this.#counted(() => request.fails === 'exit'));
    await this.#layer
      .run({ counted, box }, async ({ box: open, backgroundTasks }) => {
        for (const fate of fates) {
          const { by } = fate.plan;
          const { name: id } = fate.task;
          fate.isAdded = true;
          if (by === 'outbox') open.addTask(fate.task, undefined, { id });
          else if (by === 'enqueue')
            await backgroundTasks.enqueue(fate.task, undefined, { id }).catch(() => {
              fate.isAdded = false;
            });
          else
            backgroundTasks.addTask(fate.task, undefined, {
              id,
              when: by === 'always' ? 'always' : 'success',
            });
        }
        if (request.fails === 'endpoint') throw new Error('endpoint');
      })
      .catch(() => undefined);
  }

  #transaction(request: RequestPlan, fates: readonly Fate[]) {
    const stage = this;
    return dependency({}, async function* transaction() {
      const staged: TaskEnvelope[] = [];
      const open: Transaction = {
        query: async (_text, values = []) => {
          if (request.fails === 'insert') throw new Error('insert');
          staged.push(...(values as TaskEnvelope[]));
          return { rows: [] };
        },
      };
      yield open;
      if (request.fails === 'commit') throw new Error('commit');
      await stage.#commit(staged);
      for (const fate of fates) fate.isCommitted = true;
    });
  }

  #add(name: string, given: TaskPlan): void {
    const attempts: number[] = [];
    const isInExit = (): boolean => attempts.length <= given.failures + given.exitFailures;
    const made = task(
      name,
      { counted: Depends(this.#counted(isInExit)) },
      async ({ task: { attempt, id }, backgroundTasks }) => {
        if (id !== name) this.wrong.push(`${id} is not ${name}`);
        attempts.push(attempt);
        await turns(given.turns);
        if (given.adds) backgroundTasks.addTask(() => Promise.reject(new Error('added')));
        if (attempts.length <= given.failures)
          throw given.isRefused ? new TaskRefused('refused') : new Error('handler');
        if (!isInExit()) fate.successes += 1;
      },
      { attempts: 4 },
    );
    const fate: Fate = {
      plan: given,
      task: made,
      attempts,
      successes: 0,
      isAdded: false,
      isCommitted: false,
    };
    this.#fates.set(name, fate);
  }

  #check(undone: readonly string[]): void {
    if (this.#entered !== this.#exited) this.wrong.push(`${this.#entered} entered, ${this.#exited} exited`);
    for (const fate of this.#fates.values()) this.#checkFate(fate, undone);
  }

  #checkFate(
    { plan: given, task: { name }, attempts, successes, isAdded, isCommitted }: Fate,
    undone: readonly string[],
  ): void {
    const { hasQueue, isPatient, isTransactional } = this.#plan;
    const codes = this.#reports.get(name) ?? [];
    const isRolledBack = given.by === 'outbox' && !isCommitted;
    const isLost = codes.some(code => lost.includes(code)) || undone.includes(name);
    const refuse = (what: string): void => void this.wrong.push(`${name} ${what}: ${attempts}, ${codes}`);
    if (attempts.some((attempt, at) => attempt !== at + 1)) refuse('has run out of order');
    if (successes > 1) refuse('has succeeded twice');
    if (attempts.length > (hasQueue ? 4 : 1)) refuse('has run too often');
    if ((!isAdded || isRolledBack) && attempts.length > 0) refuse('must not run');
    if (!isAdded || isRolledBack) return;
    if (attempts.length === 0 && !isLost) refuse('was neither run nor reported');
    if (!isPatient || isLost) return;
    if (given.by === 'outbox' && hasQueue && isTransactional && attempts.length === 0)
      refuse('was committed');
    const mayRunAgain = hasQueue && attempts.length < 4 && !codes.includes('refused');
    if (successes === 0 && mayRunAgain) refuse('has attempts left');
    const failed = attempts.length - successes;
    if (codes.filter(code => ['handler', 'refused', 'exit'].includes(code)).length !== failed)
      refuse('has failed without a report');
  }
}

it('runs or reports every task, exits all it has entered, and never runs what was rolled back', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async given => {
      const stage = new Stage(given);
      await stage.play();
      expect(stage.wrong).toEqual([]);
    }),
    { numRuns, seed, endOnFailure: true },
  );
}, 600_000);
