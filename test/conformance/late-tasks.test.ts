import { BackgroundTask, endpoint, Layer, PlainTextResponse } from 'callnext';
import { EventLog } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';

describe.each(mounts)('a response that comes after its layer gave up on $name', ({ app }) => {
  it.each([1, 20])('has its tasks run or reported, with a timeout of %p ms', async timeout => {
    const log = new EventLog();
    const layer = new Layer({ timeout, onError: error => 'code' in error && log.add(String(error.code)) });
    const late = endpoint({}, async ({ request }) => {
      const isGone = new Promise(resolve => request.signal.addEventListener('abort', resolve));
      await isGone;
      // Longer than the layer keeps its dependencies open.
      await new Promise(resolve => setTimeout(resolve, 3 * timeout + 10));
      const kind = request.queryParams.get('kind') as 'always' | 'success';
      return new PlainTextResponse('late', {
        background: new BackgroundTask(() => log.add('ran'), [], { when: kind }),
      });
    });
    await listening(app().use(layer).at('/', late).listener(), async url => {
      expect((await fetch(`${url}/?kind=always`)).status).toBe(504);
      await log.until('ran');
      expect((await fetch(`${url}/?kind=success`)).status).toBe(504);
      await log.until('TASK_DROPPED');
      await layer.close();
    });
    expect(log.events).toEqual(['LAYER_TIMEOUT', 'ran', 'LAYER_TIMEOUT', 'TASK_DROPPED']);
  });
});
