/** `callnext/tasks`: durable tasks, and the queues that need no engine. */
export type { AddTaskOptions, Enqueued, EnqueueOptions, Task } from '../background/durable-task.js';
export type {
  InProcessQueue,
  JobInfo,
  Outcome,
  QueueWorker,
  RunJob,
  SqlExecutor,
  TaskBackoff,
  TaskEnvelope,
  TaskQueue,
  TaskSchedule,
  WorkOptions,
} from '../background/task-queue.js';
export type { WhenQueueFails } from '../lifecycle/layer-tasks.js';
export { type CollectedTask, type CollectingQueue, collectingQueue } from './collecting-queue.js';
export type { TaskInfo } from './definition.js';
export { type MemoryQueueOptions, memoryQueue } from './memory-queue.js';
export { type Outbox, outbox, type Queryable } from './outbox.js';
export { runWorker, type WorkerOptions } from './run-worker.js';
export type { ScheduleOptions } from './schedule.js';
export type { TaskNotQueued } from './send.js';
export type { Storable } from './storable.js';
export { type TaskOptions, task } from './task.js';
export { TaskRefused } from './task-refused.js';
export type { Returned, Worker } from './worker.js';
