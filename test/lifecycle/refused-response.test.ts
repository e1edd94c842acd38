import { Headers, Layer, Response } from 'callnext';
import { type Delivery, Exchange, Request, runExchange } from 'callnext/adapter';

it('hands the error of a transport that cannot send to `fail`, and ends the request', async () => {
  const failed: string[] = [];
  const transport = {
    send: (): Promise<Delivery> => Promise.reject(new Error('unsent')),
    fail: async (error: Error): Promise<Delivery> => {
      failed.push(error.message);
      return { outcome: 'aborted' };
    },
  };
  const layer = new Layer();
  const exchange = new Exchange(new Request({ method: 'GET', headers: new Headers() } as never), transport);
  await runExchange(exchange, layer, async () => new Response('an answer'));
  await layer.close();
  expect(failed).toEqual(['unsent']);
  expect(exchange.delivery).toEqual({ outcome: 'aborted' });
});
