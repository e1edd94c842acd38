// Tests HTTPExceptions whose status has no body, as in Starlette.
import { Depends, endpoint, HTTPException, Layer } from 'callnext';
import { EventLog } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';
import { record } from '../support/wire.js';

const requests = ['GET /failing HTTP/1.1\r\nHost: test\r\n\r\n', 'GET /next HTTP/1.1\r\nHost: test\r\n\r\n'];
const last = 'GET /next HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n';

describe.each(mounts)('on $name', ({ app }) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  async function* getTx() {
    try {
      yield 'tx';
      log.add('COMMIT');
    } catch (error) {
      log.add('ROLLBACK');
      throw error;
    }
  }
  const failing = (status: number): HTTPException =>
    new HTTPException(status, 'not shown', { headers: { 'x-reason': 'done' } });

  it.each([
    [204, 'No Content', 'a native handler'],
    [205, 'Reset Content', 'a native handler'],
    [304, 'Not Modified', 'a native handler'],
    [204, 'No Content', 'an endpoint'],
    [205, 'Reset Content', 'an endpoint'],
    [304, 'Not Modified', 'an endpoint'],
  ])('an HTTPException of %i (%s) from %s is an answer without a body', async (status, reason, by) => {
    const layer = new Layer({ dependencies: [Depends(getTx)], onError: error => log.add(error.message) });
    const mounted = app().use(layer);
    if (by === 'an endpoint')
      mounted.at(
        '/failing',
        endpoint({}, () => {
          throw failing(status);
        }),
      );
    else
      mounted.handler('/failing', answer => {
        answer.res.setHeader('Content-Length', 9);
        answer.res.setHeader('Trailer', 'X-Sum');
        throw failing(status);
      });
    const listener = mounted.handler('/next', answer => answer.send('next')).listener();
    const { bytes } = await listening(listener, (_url, port) => record(port, [...requests, last].join('')));
    const [first = '', ...others] = bytes.split('HTTP/1.1 ').slice(1);
    expect(first).toMatch(new RegExp(`^${status} ${reason}\r\n`));
    expect(first).toContain('x-reason: done\r\n');
    expect(first).not.toMatch(/content-type|transfer-encoding|trailer|content-length: [1-9]/i);
    expect(first).toMatch(/\r\n\r\n$/);
    for (const other of others) expect(other).toMatch(/^200 OK\r\n.*\r\n\r\nnext$/s);
    expect(others).toHaveLength(2);
    expect(log.events).toEqual(['ROLLBACK', 'COMMIT', 'COMMIT']);
  });
});
