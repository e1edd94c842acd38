// tutorial/extra-data-types
import { endpoint } from 'callnext';
import { Body, Path, Query } from 'callnext/params';
import { z } from 'zod';
import { intParsing, missing } from './expected.js';
import { answers, get, json, type Page, put, refuses } from './page.js';

const Times = z.object({
  start: z.iso.datetime({ offset: true }),
  end: z.iso.datetime({ offset: true }).nullable().default(null),
  repeat_at: z.iso.time().nullable().default(null),
  process_after: z.int(),
});
const uuid = 'ff97dd87-a4a5-4a12-b412-cde99f33e00e';
const start = '2018-12-22T14:00:00+00:00';
const seconds = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;

export const dataTypes: Page = {
  name: 'extra data types',
  routes: [
    [
      'put',
      '/items/:item_id',
      endpoint({ item_id: Path(z.uuid()), times: Body(Times) }, ({ item_id, times }) => ({
        item_id,
        repeat_at: times.repeat_at,
        duration: times.end === null ? null : seconds(times.start, times.end) - times.process_after,
      })),
    ],
    ['get', '/day', endpoint({ day: Query(z.iso.date()) }, ({ day }) => day)],
    ['get', '/either', endpoint({ given: Query(z.union([z.int(), z.string()])) }, ({ given }) => given)],
    [
      'get',
      '/unique',
      endpoint({ ids: Query(z.array(z.int()).transform(ids => [...new Set(ids)])) }, ({ ids }) => ids),
    ],
  ],
  rows: [
    answers(
      put(
        `/items/${uuid}`,
        json({ start, end: '2018-12-24T15:00:00+00:00', repeat_at: '15:30:00', process_after: 300 }),
      ),
      { item_id: uuid, repeat_at: '15:30:00', duration: 176_100 },
    ),
    answers(put(`/items/${uuid}`, json({ start, process_after: 0 })), {
      item_id: uuid,
      repeat_at: null,
      duration: null,
    }),
    refuses(put(`/items/${uuid}`, json({ start })), missing(['body', 'process_after'], { start })),
    answers(get('/day?day=2026-11-29'), '2026-11-29'),
    refuses(get('/day'), missing(['query', 'day'])),
    answers(get('/either?given=5'), '5'),
    answers(get('/either?given=five'), 'five'),
    answers(get('/unique?ids=2&ids=1&ids=02'), [2, 1]),
    refuses(get('/unique?ids=1&ids=b'), intParsing(['query', 'ids', 1], 'b')),
  ],
};
