// The differences in the values that schemas accept, for differences.ts.

import { type Difference, differ, failed, ok, refused } from './difference.js';
import * as routes from './different-endpoints.js';
import { finiteNumber, intParsingSize, jsonInvalid, literalError, valueError } from './expected.js';
import { get, post, text } from './page.js';

const isoDate = 'Invalid ISO date';

export const ofValues: readonly Difference[] = [
  {
    title: 'An enum is a literal',
    routes: routes.enumeration,
    rows: [
      differ(
        get('/models?q=foo'),
        refused({
          type: 'enum',
          loc: ['query', 'q'],
          msg: "Input should be 'alexnet' or 'lenet'",
          input: 'foo',
          ctx: { expected: "'alexnet' or 'lenet'" },
        }),
        refused(literalError(['query', 'q'], 'foo', "'alexnet' or 'lenet'")),
      ),
    ],
  },
  {
    title: 'A format has the message of its schema',
    routes: routes.formats,
    rows: [
      differ(
        get('/uuid?q=x'),
        refused({
          type: 'uuid_parsing',
          loc: ['query', 'q'],
          msg: 'Input should be a valid UUID, invalid character: found `x` at 1',
          input: 'x',
          ctx: { error: 'invalid character: found `x` at 1' },
        }),
        refused(valueError(['query', 'q'], 'x', 'Invalid UUID')),
      ),
      differ(
        get('/date?q=x'),
        refused({
          type: 'date_from_datetime_parsing',
          loc: ['query', 'q'],
          msg: 'Input should be a valid date or datetime, input is too short',
          input: 'x',
          ctx: { error: 'input is too short' },
        }),
        refused(valueError(['query', 'q'], 'x', 'Invalid ISO date')),
      ),
      differ(
        get('/url?q=x'),
        refused({
          type: 'url_parsing',
          loc: ['query', 'q'],
          msg: 'Input should be a valid URL, relative URL without a base',
          input: 'x',
          ctx: { error: 'relative URL without a base' },
        }),
        refused(valueError(['query', 'q'], 'x', 'Invalid URL')),
      ),
    ],
  },
  {
    title: 'Dates and UUIDs have one form',
    routes: routes.forms,
    rows: [
      differ(get('/date?q=86400'), ok('1970-01-02'), refused(valueError(['query', 'q'], '86400', isoDate))),
      differ(
        get('/datetime?q=2026-11-29%2012:00'),
        ok('2026-11-29T12:00:00'),
        refused(valueError(['query', 'q'], '2026-11-29 12:00', 'Invalid ISO datetime')),
      ),
      differ(
        get('/guid?q=12345678123412341234123456789012'),
        ok('12345678-1234-1234-1234-123456789012'),
        refused(valueError(['query', 'q'], '12345678123412341234123456789012', 'Invalid GUID')),
      ),
    ],
  },
  {
    title: 'Numbers are those of JavaScript',
    routes: routes.numbers,
    rows: [
      differ(
        get('/int?q=9007199254740993'),
        ok(9007199254740992),
        refused(intParsingSize(['query', 'q'], '9007199254740993')),
      ),
      differ(get('/float?q=inf'), failed, refused(finiteNumber(['query', 'q'], 'inf'))),
      differ(get('/float?q=NaN'), failed, refused(finiteNumber(['query', 'q'], 'NaN'))),
      differ(
        post('/float', text('NaN', 'application/json')),
        failed,
        refused(jsonInvalid(0, 'Expecting value')),
      ),
    ],
  },
  {
    title: 'Texts are not converted to sets or bigints',
    routes: routes.unconverted,
    rows: [
      differ(
        get('/set?q=1'),
        ok([1]),
        refused(valueError(['query', 'q'], '1', 'Invalid input: expected set, received string')),
      ),
      differ(
        get('/bigint?q=9007199254740993'),
        ok('9007199254740993'),
        refused(
          valueError(['query', 'q'], '9007199254740993', 'Invalid input: expected bigint, received string'),
        ),
      ),
    ],
  },
];
