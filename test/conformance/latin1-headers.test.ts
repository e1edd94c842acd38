import { endpoint, type Middleware, Response } from 'callnext';
import { listening, mounts } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

// Node writes head and string in one piece, in the string's encoding, so an `é` in a header was sent as
// UTF-8.
describe.each(mounts)('a header beyond ASCII on $name', ({ app }) => {
  const name = 'attachment; filename="é.txt"';
  const sent = async (listener: Parameters<typeof listening>[0]) => {
    const { head, body } = await listening(listener, (_url, port) => exchangeOnWire(port, '/'));
    return [/^content-disposition: (.*)$/im.exec(head)?.[1], Buffer.from(body, 'latin1').toString()];
  };
  const pass: Middleware = (request, callNext) => callNext(request);

  it('is sent as Latin-1 with the text of an endpoint', async () => {
    const answer = endpoint({}, () => new Response('tëxt', { headers: { 'content-disposition': name } }));
    expect(await sent(app().use(pass).at('/', answer).listener())).toEqual([name, 'tëxt']);
  });

  it('is sent as Latin-1 with text that a middleware makes from a native answer', async () => {
    const upper: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return new Response((await response.text()).toUpperCase(), response);
    };
    const native = app()
      .use(upper)
      .handler('/', answer => {
        answer.set('Content-Disposition', name).set('Content-Type', 'text/plain').send(Buffer.from('tëxt'));
      });
    expect(await sent(native.listener())).toEqual([name, 'TËXT']);
  });

  it('is sent as Latin-1 with a stream of known length', async () => {
    async function* chunks() {
      yield 'tëxt';
    }
    const headers = { 'content-length': '5', 'content-disposition': name };
    const answer = endpoint({}, () => new Response(chunks(), { headers }));
    expect(await sent(app().use(pass).at('/', answer).listener())).toEqual([name, 'tëxt']);
  });

  it('is sent as Latin-1 with the text of a middleware alone', async () => {
    const answer: Middleware = () => new Response('tëxt', { headers: { 'content-disposition': name } });
    expect(await sent(app().use(answer).listener())).toEqual([name, 'tëxt']);
  });
});
