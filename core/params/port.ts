import type { ParameterPort } from '../dependencies/parameter.js';
import { planBody } from './body-plan.js';
import { bindAll } from './bound.js';
import { Reader } from './reader.js';

/** Lets the core read parameters without importing this folder. */
export const port: ParameterPort = {
  bind: (parameters, owner) => new Reader(bindAll(parameters, owner)),
  plan: planBody,
};
