// The same endpoint with three schema libraries.
import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { type } from 'arktype';
import { endpoint } from 'callnext';
import { Query } from 'callnext/params';
import * as v from 'valibot';
import { z } from 'zod';

export const withZod = endpoint(
  { limit: Query(z.int().max(100)) },
  ({ limit }) => ({ limit }),
);

const Limit = v.pipe(v.number(), v.integer(), v.maxValue(100));
export const withValibot = endpoint(
  { limit: Query(toStandardJsonSchema(Limit)) },
  ({ limit }) => ({ limit }),
);

export const withArkType = endpoint(
  { limit: Query(type('number.integer <= 100')) },
  ({ limit }) => ({ limit }),
);
