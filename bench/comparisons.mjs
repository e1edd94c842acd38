// The comparisons, and the goal of each ratio.

/** The measured release lines of Node. README.md quotes the figures of `mainLine`. */
export const lines = ['22', '24', '26'];
export const mainLine = '24';

/**
 * CPU time of `ours` divided by that of `base`. On Node 22, Express itself takes four times as long, and a
 * layer removes part of that.
 */
export const pairs = [
  {
    title: 'Express, a timing middleware / a no-op middleware',
    base: 'express, no-op middleware',
    ours: 'express, callnext',
    goals: { 22: 0.9, 24: 1.15, 26: 1.15 },
  },
  {
    title: 'Express, `wrap` with a timing middleware / the plain app',
    base: 'express',
    ours: 'express, callnext by wrap',
    goals: { 22: 0.6, 24: 1.15, 26: 1.15 },
  },
  {
    title: 'Koa, a timing middleware / the same by hand',
    base: 'koa, timing by hand',
    ours: 'koa, callnext',
    goals: { 22: 1.12, 24: 1.12, 26: 1.12 },
  },
  {
    title: 'Express, lifecycle / the same by hand',
    base: 'express, lifecycle by hand',
    ours: 'express, lifecycle',
    goals: { 22: 0.9, 24: 1.2, 26: 1.2 },
  },
  {
    title: 'Koa, lifecycle / the same by hand',
    base: 'koa, lifecycle by hand',
    ours: 'koa, lifecycle',
    goals: { 22: 1.25, 24: 1.25, 26: 1.25 },
  },
];

/** The cost of one more middleware, in microseconds. */
export const furtherMiddleware = { few: 1, many: 17, goal: 0.5 };

/**
 * A timing middleware around a small JSON body, in several libraries. The first is the base of the ratios.
 */
export const peers = [
  'express, no-op middleware',
  'node:http',
  'fastify',
  'hono, node-server',
  'koa, timing by hand',
  'koa, callnext',
  'express, on-headers',
  'express, held by hand',
  'express, callnext',
  'express, callnext by wrap',
  'express, universal-middleware',
];

/** CPU time relative to a `Transform`, and KiB of heap beyond the native server's. */
export const streamGoal = 1.15;
export const idleGoal = 2;

/** Declared parameters relative to the same schemas called by hand. */
export const paramsGoal = 1.3;

export const weightGoals = { milliseconds: 25, kibibytes: 25, mebibytes: 1.5 };
