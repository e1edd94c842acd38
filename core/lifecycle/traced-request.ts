import type { Response } from '../http/response.js';
import type { Stage } from '../tracing/stage.js';
import type { Tracing } from '../tracing/tracing.js';
import type { Exchange } from './exchange.js';
import type { Delivery, Transport } from './transport.js';

/** What sends the outcome of a request. */
export type Outlet = Pick<Transport, 'send' | 'fail'>;

/** Sends through a transport, with a stage around it. */
export function tracedOutlet(tracing: Tracing, transport: Outlet): Outlet {
  const send = async (
    response: Response | undefined,
    sending: () => Promise<Delivery>,
  ): Promise<Delivery> => {
    const stage = tracing.begin('send', 'send', { response });
    const delivery = await stage.run(sending);
    const { outcome, error, status = response?.status } = delivery;
    if (error) stage.fail(error, { outcome, status });
    else stage.end({ outcome, status });
    return delivery;
  };
  return {
    send: response => send(response, () => transport.send(response)),
    fail: (error, headers) => send(undefined, () => transport.fail(error, headers)),
  };
}

/** Ends the stage of a request when its response is out, or when the framework has answered in its place. */
export function endRequest(stage: Stage, { response, delivery, failures, tracing }: Exchange): void {
  const { outcome, status = response?.status } = delivery ?? {};
  const known = { response, outcome, status, route: tracing?.route };
  const error = failures?.passedOn ?? delivery?.error;
  if (error) stage.fail(error, known);
  else stage.end(known);
}
