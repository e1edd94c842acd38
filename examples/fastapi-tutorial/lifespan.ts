// https://fastapi.tiangolo.com/advanced/events/
import { Depends, endpoint, Layer } from 'callnext';
import type { Page } from './page.js';

export const journal: string[] = [];

/** Loaded once, by `layer.start()`, and released by `layer.close()`. */
export async function* getModel() {
  journal.push('load the model');
  yield { predict: (x: number) => x * 42 };
  journal.push('release the model');
}
const model = Depends(getModel, { scope: 'app' });

const predict = endpoint({ model }, ({ model, request }) => ({
  result: model.predict(Number(request.queryParams.get('x'))),
}));

/** A closed layer cannot start again: each test creates its own page. */
export function createPage(): Page {
  return {
    layer: new Layer({ dependencies: [model] }),
    routes: [{ method: 'get', path: '/predict', endpoint: predict }],
  };
}
