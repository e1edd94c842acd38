import { misuse } from '../errors.js';
import { sourceOf } from '../http/request-parts.js';
import type { Exchange } from './exchange.js';
import { Place, type Surroundings } from './place.js';

/** Enters a layer, whose `close()` waits for the request from now on. */
export function enterLayer(exchange: Exchange, layer: Surroundings): Place {
  const isTwice = exchange.place?.isInside(layer) === true;
  const place = new Place(exchange, layer, exchange.place);
  exchange.place = place;
  exchange.lastEntered = place;
  exchange.told = place;
  if (isTwice) warnOfTwo(exchange, layer);
  const { maxBodySize, strictContentType, echoesInput, timeout, inFlight } = layer;
  if (maxBodySize !== undefined) sourceOf(exchange.request).maxBodySize = maxBodySize;
  if (strictContentType !== undefined) sourceOf(exchange.request).strictContentType = strictContentType;
  if (echoesInput !== undefined) sourceOf(exchange.request).echoesInput = echoesInput;
  if (timeout !== undefined) exchange.timeout = Math.min(timeout, exchange.timeout ?? timeout);
  if (inFlight.isClosed || (exchange.taken && isTakenBy(exchange, layer))) return place;
  inFlight.begin(place);
  place.takenBefore = exchange.taken;
  exchange.taken = place;
  return place;
}

function warnOfTwo({ reports }: Exchange, { mounts }: Surroundings): void {
  const places = mounts.takeWarning();
  if (places !== undefined) reports.tell(misuse('LAYER_TWICE', places), 'request');
}

/**
 * Leaves a layer, possibly before an inner one, as after a timeout. The outermost layer stays, because its
 * overrides still apply if native code injects while the response is sent. Later errors go to the layer that
 * was entered last.
 */
export function leaveLayer(exchange: Exchange, place: Place): void {
  if (place.around === undefined) {
    exchange.told = exchange.lastEntered;
    return;
  }
  if (exchange.place === place) exchange.place = place.around;
  else skip(exchange, place);
  exchange.told = exchange.place;
}

function skip(exchange: Exchange, place: Place): void {
  for (let inner = exchange.place; inner; inner = inner.around)
    if (inner.around === place) inner.around = place.around;
}

/** Whether the layer has accepted the request. It is then not refused while the layer closes. */
export function isTakenBy({ taken }: Exchange, layer: Surroundings): boolean {
  for (let place = taken; place; place = place.takenBefore) if (place.layer === layer) return true;
  return false;
}

export function isInside({ place }: Exchange, layer: Surroundings): boolean {
  return place?.isInside(layer) === true;
}

/** Copies what a lifespan yielded to `request.state`. Values of outer layers are kept. */
export function takeState({ request }: Exchange, state: object | undefined): void {
  if (state) Object.assign(request.state, { ...state, ...request.state });
}
