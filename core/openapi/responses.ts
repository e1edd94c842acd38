import type { ResponseDescription } from '../endpoint/operation.js';
import type { ResponseClass } from '../endpoint/stream-response.js';
import { EventSourceResponse } from '../http/event-source-response.js';
import { HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse } from '../http/responses.js';
import { isBodyless, reasonPhrase } from '../http/status.js';
import type { Components } from './components.js';
import type { Described } from './described.js';
import type { JsonObject } from './document-types.js';

const ranges: Readonly<Record<string, string>> = {
  '1XX': 'Information',
  '2XX': 'Success',
  '3XX': 'Redirection',
  '4XX': 'Client Error',
  '5XX': 'Server Error',
  DEFAULT: 'Default Response',
};

/** FastAPI's phrases where they are not those of Node. */
const phrases: Readonly<Record<number, string>> = {
  413: 'Content Too Large',
  422: 'Unprocessable Content',
};

/** The responses of an operation: its own, and those of its options. */
export function responsesOf(described: Described, components: Components): Record<string, JsonObject> {
  const {
    operation,
    responseClass,
    status = isKind(responseClass, RedirectResponse) ? 307 : 200,
  } = described;
  const { responseDescription = 'Successful Response', responses = {} } = operation;
  const own = { description: responseDescription, ...contentOf(described, status, components) };
  const found: Record<string, JsonObject> = { [status]: own };
  const media = mediaTypeOf(responseClass) ?? 'application/json';
  for (const [given, response] of Object.entries(responses)) {
    const key = given.toUpperCase() === 'DEFAULT' ? 'default' : given.toUpperCase();
    found[key] = { ...found[key], ...other(key, response, found[key], media, components) };
  }
  return found;
}

function other(
  key: string,
  { description, model, content, ...rest }: ResponseDescription,
  known: JsonObject | undefined,
  media: string,
  components: Components,
): JsonObject {
  const phrase =
    ranges[key.toUpperCase()] ?? phrases[Number(key)] ?? (reasonPhrase(Number(key)) || 'Additional Response');
  const ofModel = model && { [media]: { ...content?.[media], schema: components.use(model, 'output') } };
  const all = { ...(known?.content as object | undefined), ...content, ...ofModel };
  return {
    ...rest,
    description: description ?? known?.description ?? phrase,
    ...(Object.keys(all).length > 0 && { content: all }),
  };
}

function contentOf(
  { responseClass, responseModel, isGenerator }: Described,
  status: number,
  components: Components,
): JsonObject {
  if (isBodyless(status)) return {};
  // OpenAPI 3.1 has no schema for the items of a stream.
  if (isGenerator && responseClass === undefined) return { content: { 'application/jsonl': {} } };
  const media = mediaTypeOf(responseClass);
  if (media === undefined) return {};
  if (media === 'application/json')
    return { content: { [media]: { schema: responseModel ? components.use(responseModel, 'output') : {} } } };
  return { content: { [media]: { schema: { type: 'string' } } } };
}

/** `undefined` for a class that sets its media type for each response. */
function mediaTypeOf(responseClass: ResponseClass | undefined): string | undefined {
  if (responseClass === undefined || isKind(responseClass, JSONResponse)) return 'application/json';
  if (isKind(responseClass, HTMLResponse)) return 'text/html';
  if (isKind(responseClass, PlainTextResponse)) return 'text/plain';
  return isKind(responseClass, EventSourceResponse) ? 'text/event-stream' : undefined;
}

function isKind(given: ResponseClass | undefined, kind: abstract new (...args: never[]) => object): boolean {
  return given === kind || given?.prototype instanceof kind;
}
