// https://fastapi.tiangolo.com/tutorial/extra-data-types/
import { endpoint, Layer } from 'callnext';
import { Body, Path } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

// JSON has no dates: the schema checks the text, and makes a Date of it.
const DateTime = z.iso
  .datetime({ offset: true })
  .transform(text => new Date(text));

const readItems = endpoint(
  {
    itemId: Path(z.uuid(), { alias: 'item_id' }),
    start: Body(DateTime, { alias: 'start_datetime' }),
    end: Body(DateTime, { alias: 'end_datetime' }),
    processAfter: Body(z.int(), { alias: 'process_after' }),
    repeatAt: Body(z.iso.time().nullable().default(null), {
      alias: 'repeat_at',
    }),
  },
  ({ itemId, start, end, processAfter, repeatAt }) => {
    const startProcess = new Date(start.getTime() + processAfter * 1000);
    return {
      item_id: itemId,
      repeat_at: repeatAt,
      start_process: startProcess,
      duration: (end.getTime() - startProcess.getTime()) / 1000,
    };
  },
);

export const page: Page = {
  layer: new Layer(),
  routes: [{ method: 'put', path: '/items/:item_id', endpoint: readItems }],
};
