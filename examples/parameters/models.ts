// Models that pydantic writes in another way: docs/guides/parameters.md
import { endpoint } from 'callnext';
import { Body } from 'callnext/params';
import { z } from 'zod';

const Day = z.iso.date({ abort: true }).transform(text => new Date(text));
const Stay = z
  .object({ from: Day, to: Day })
  .refine(
    ({ from, to }) => from.getTime() < to.getTime(),
    'The stay ends before it begins',
  );

export const book = endpoint({ stay: Body(Stay) }, ({ stay }) => ({
  nights: (stay.to.getTime() - stay.from.getTime()) / 86_400_000,
}));

const Fields = z.object({ name: z.string(), tags: z.array(z.string()) });
const NewItem = Fields.extend({ tags: Fields.shape.tags.default([]) });

const stored = { name: 'chair', tags: ['oak'] };

export const replaceItem = endpoint({ item: Body(NewItem) }, ({ item }) =>
  Object.assign(stored, item),
);

export const changeItem = endpoint(
  { change: Body(Fields.partial()) },
  ({ change }) => Object.assign(stored, change),
);

const Launch = z.object({
  status: z.enum(['planned', 'done']),
  at: z.date(), // a Date is returned, and written as a text
});

export const readLaunch = endpoint(
  {},
  () => ({
    status: 'planned',
    at: new Date('2026-11-29T12:00:00Z'),
    budget: 1000,
  }),
  { responseModel: Launch },
);

const Note = z.object({ text: z.string(), author: z.string().nullable() });
const withoutNulls = <T extends object>(model: T) =>
  Object.fromEntries(
    Object.entries(model).filter(([, value]) => value !== null),
  );

export const readNote = endpoint({}, () => ({ text: 'Hello', author: null }), {
  responseModel: Note.transform(withoutNulls),
});
