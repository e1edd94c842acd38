import { misuse } from '../errors.js';
import { sourceOf } from '../http/request-parts.js';
import type { Exchange } from './exchange.js';
import { Place, type Surroundings } from './place.js';

/** A request comes into a layer, which is not done before the request is. */
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
 * A layer may be left before one inside it: a timeout. The outermost one stays, as its overrides hold for
 * what native code injects while its response is sent, and then the layer entered last hears of what happens.
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

/** Whether a layer has taken the request: it is not refused then, although the layer is being closed. */
export function isTakenBy({ taken }: Exchange, layer: Surroundings): boolean {
  for (let place = taken; place; place = place.takenBefore) if (place.layer === layer) return true;
  return false;
}

/** Whether the request is inside a layer. */
export function isInside({ place }: Exchange, layer: Surroundings): boolean {
  return place?.isInside(layer) === true;
}

/**
 * What a lifespan has yielded is there for everything below. What is there already, of layers further out,
 * stays.
 */
export function takeState({ request }: Exchange, state: object | undefined): void {
  if (state) Object.assign(request.state, { ...state, ...request.state });
}
