import { endpoint, type FormOptions, Layer, UploadFile } from 'callnext';
import { frameworks, listening } from '../support/frameworks.js';

/** Describes an entry of a form: the length of a field, or the size and place of a file. */
function described(value: FormDataEntryValue): unknown {
  if (typeof value === 'string') return value.length;
  return [value.size, value instanceof UploadFile && value.path !== undefined ? 'on disk' : 'in memory'];
}

describe.each(frameworks)('a form below `maxBodySize: 100_000` on $name', ({ app }) => {
  async function read(form: FormData, options: FormOptions = {}): Promise<unknown> {
    const target = endpoint({}, async ({ request }) =>
      [...(await request.form(options))].map(([, value]) => described(value)),
    );
    const layer = new Layer({ maxBodySize: 100_000, onError: () => undefined });
    return listening(app().use(layer).at('/', target).listener(), async url =>
      (await fetch(url, { method: 'POST', body: form })).json(),
    );
  }

  function formOf(...entries: readonly (string | number)[]): FormData {
    const form = new FormData();
    for (const entry of entries) {
      if (typeof entry === 'string') form.append('field', entry);
      else form.append('file', new Blob([new Uint8Array(entry)]), 'a.bin');
    }
    return form;
  }

  const tooLarge = { detail: 'The body is larger than 100000 bytes.' };

  it('stores a file of 300 kB on disk', async () => {
    expect(await read(formOf(300_000))).toEqual([[300_000, 'on disk']]);
  });

  it('keeps files in memory that fit into it together', async () => {
    expect(await read(formOf(60_000, 60_000, 30_000))).toEqual([
      [60_000, 'in memory'],
      [60_000, 'on disk'],
      [30_000, 'in memory'],
    ]);
  });

  it('rejects a field of 150 kB', async () => {
    expect(await read(formOf('x'.repeat(150_000)))).toEqual(tooLarge);
  });

  it('accepts a larger field with `maxPartSize`, and still keeps no file in memory for it', async () => {
    const options = { maxPartSize: 200_000 };
    expect(await read(formOf('x'.repeat(150_000)), options)).toEqual([150_000]);
    expect(await read(formOf(150_000), options)).toEqual([[150_000, 'on disk']]);
    expect(await read(formOf('x'.repeat(250_000)), options)).toEqual({
      detail: 'Part exceeded maximum size of 195KB.',
    });
  });
});
