import { misuse } from '../errors.js';
import type { PathTemplate } from '../http/app-routes.js';
import type { Components } from './components.js';
import type { Described } from './described.js';
import type { JsonObject } from './document-types.js';
import type { Flat } from './flatten.js';
import { operationIdOf, summaryOf } from './names.js';
import { parametersOf } from './parameters.js';
import { requestBodyOf } from './request-body.js';
import { responsesOf } from './responses.js';
import { invalidResponse } from './validation-errors.js';

/** An operation and its place in the document. */
export interface Placed {
  readonly described: Described;
  readonly template: PathTemplate;
  readonly method: string;
  readonly flat: Flat;
}

/** The operation ids in use, with their places. */
export class OperationIds {
  readonly #places = new Map<string, string>();

  /** Throws `OPENAPI_OPERATION_ID`. */
  take({ described, template, method }: Placed): string {
    const id = described.operation.operationId ?? operationIdOf(described.name, template.path, method);
    const place = `${method.toUpperCase()} ${template.path}`;
    const other = this.#places.get(id);
    if (other !== undefined) throw misuse('OPENAPI_OPERATION_ID', id, other, place);
    this.#places.set(id, place);
    return id;
  }
}

/** Creates an operation object as FastAPI does. */
export async function operationAt(
  placed: Placed,
  operationId: string,
  components: Components,
): Promise<JsonObject> {
  const { described, template, flat } = placed;
  const { tags, summary = summaryOf(described.name), description, deprecated } = described.operation;
  const owner = described.name || operationId;
  const parameters = await parametersOf(flat.parameters, template, owner, components);
  const requestBody = await requestBodyOf(flat.parameters, operationId, components);
  const responses = responsesOf(described, components);
  const mayBeInvalid = flat.parameters.length > 0;
  const isCovered = ['422', '4XX', 'default'].some(status => status in responses);
  if (mayBeInvalid && !isCovered) responses[422] = invalidResponse;
  const security = [...flat.security].map(([name, scopes]) => ({ [name]: scopes }));
  return merged(
    {
      ...(tags && tags.length > 0 && { tags }),
      ...(summary !== undefined && { summary }),
      ...(description !== undefined && { description }),
      operationId,
      ...(deprecated && { deprecated }),
      ...(security.length > 0 && { security }),
      ...(parameters.length > 0 && { parameters }),
      ...(requestBody && { requestBody }),
      responses,
    },
    described.operation.openapiExtra ?? {},
  );
}

/** Merges objects, joins lists and replaces other values, as FastAPI does. */
function merged(into: JsonObject, extra: Readonly<JsonObject>): JsonObject {
  const result = { ...into };
  for (const [key, value] of Object.entries(extra)) {
    const known = result[key];
    if (isRecord(known) && isRecord(value)) result[key] = merged(known, value);
    else if (Array.isArray(known) && Array.isArray(value)) result[key] = [...known, ...value];
    else result[key] = value;
  }
  return result;
}

function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
