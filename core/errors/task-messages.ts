import { show } from './show.js';

/** The messages of mistakes and failures of durable tasks. */
export const taskMessages = {
  TASK_ARGUMENTS: (task: string, what: string) =>
    `The arguments of the task \`${task}\` ${what}. A queue stores them as JSON.`,
  TASK_NAME: (name: unknown, isTaken = false) =>
    isTaken
      ? `Two different tasks are named \`${name}\`. A worker finds a task by its name: rename one of them.`
      : 'A task is named by a small letter, then up to 63 small letters, digits and `._-`, ' +
        `received ${show(name)}.`,
  TASK_NOT_QUEUED: (task: string, queue: string) =>
    `The task \`${task}\` was not queued: the ${queue} failed, or did not answer in time ` +
    "and may still store it. The error's `envelope` is what it should store, and its `cause` is the failure.",
  TASK_QUEUE: (what: string) => what,
  TASK_TIMEOUT: (task: string, milliseconds: number) =>
    `The task \`${task}\` exceeded its \`timeoutMs\` of ${milliseconds} ms. ` +
    'Pass `task.signal` to whatever it waits for, or set a longer time.',
  TASK_UNKNOWN: (task: string) =>
    `This worker does not know the task \`${task}\`, and gave it back to the queue. ` +
    'Pass it to `runWorker(layer, tasks)`, and deploy workers before what adds to them.',
} satisfies Record<string, (...details: never[]) => string>;
