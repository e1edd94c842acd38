/**
 * How far a request has come; each phase comes after the one before it.
 *
 * `inside` the layers · `sending` the response of the outermost one · `leaving` the dependencies, once the
 * response is out and nothing works below · running `tasks`, once those of scope `request` have exited ·
 * `over`.
 */
export const phases = { inside: 0, sending: 1, leaving: 2, tasks: 3, over: 4 } as const;

export type Phase = (typeof phases)[keyof typeof phases];
