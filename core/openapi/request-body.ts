import { planBody } from '../params/body-plan.js';
import { nameOfParameter } from '../params/names.js';
import type { Components } from './components.js';
import type { JsonObject } from './document-types.js';
import type { KeyedParameter } from './flatten.js';
import { isRequired, schemaOfParameter } from './parameters.js';

/** The request body of an operation; `undefined` if it declares none. */
export async function requestBodyOf(
  all: readonly KeyedParameter[],
  operationId: string,
  components: Components,
): Promise<JsonObject | undefined> {
  const ofBody = all.filter(({ parameter: { place } }) => ['body', 'form', 'file'].includes(place));
  const byName = new Map(ofBody.map(each => [nameOfParameter(each.parameter, each.key), each]));
  const [first] = ofBody;
  if (first === undefined) return undefined;
  const plan = planBody(
    ofBody.map(({ key, parameter }) => [key, parameter]),
    operationId,
  );
  const required = await requiredIn(byName);
  const schema = plan.isEmbedded
    ? embedded(byName, required, operationId, components)
    : schemaOfParameter(first, components);
  return {
    content: { [mediaTypeOf(ofBody)]: { schema } },
    ...(required.length > 0 && { required: true }),
  };
}

async function requiredIn(parameters: ReadonlyMap<string, KeyedParameter>): Promise<string[]> {
  const names: string[] = [];
  for (const [name, each] of parameters) if (await isRequired(each)) names.push(name);
  return names;
}

/** Creates the model of a body whose fields are declared one by one, as FastAPI does. */
function embedded(
  parameters: ReadonlyMap<string, KeyedParameter>,
  required: readonly string[],
  operationId: string,
  components: Components,
): JsonObject {
  const properties = [...parameters].map(([name, each]) => [name, schemaOfParameter(each, components)]);
  const title = `Body_${operationId}`;
  return components.add(title, 'input', {
    type: 'object',
    title,
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  });
}

function mediaTypeOf(parameters: readonly KeyedParameter[]): string {
  const places = parameters.map(({ parameter }) => parameter.place);
  if (places.includes('file')) return 'multipart/form-data';
  return places.includes('form') ? 'application/x-www-form-urlencoded' : 'application/json';
}
