type Json = unknown;

/**
 * A document without what depends on the schema library. References are resolved, because a Zod schema
 * without an `id` has no name. Left out are names that the pages' anonymous handlers do not have, titles that
 * pydantic makes up, `null` as a default or in a union, the expression beside a format, types of property
 * names, and whether a union is `oneOf`.
 */
export function normalise(document: { readonly paths: object; readonly components?: Json }): Json {
  const visit = (node: Json): Json => {
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== 'object' || node === null) return node;
    const { $ref, title, operationId, summary, propertyNames, ...rest } = node as Record<string, Json>;
    if (typeof $ref === 'string') return visit(Object.assign(named($ref), rest));
    // These are properties with the names of keywords.
    if (typeof title === 'object') return visit({ ...rest, ' title': title });
    if (isRecord(rest.type)) return visit({ ...rest, type: undefined, ' type': rest.type });
    return collapsed(rest, visit);
  };
  const named = ($ref: string): object =>
    $ref
      .split('/')
      .slice(1)
      .reduce((at, key) => Reflect.get(at, key), document as object);
  return visit(document.paths);
}

function isRecord(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function collapsed(
  { type, oneOf, anyOf = oneOf, ...node }: Record<string, Json>,
  visit: (node: Json) => Json,
): Json {
  if ('format' in node) delete node.pattern;
  if (node.default === null) delete node.default;
  const types = [type].flat().filter(each => each !== 'null' && each !== undefined);
  const branches = [anyOf]
    .flat()
    .filter(each => each !== undefined && (each as { type?: Json }).type !== 'null');
  if (branches.length === 1) return visit({ ...(branches[0] as object), ...node });
  const entries = Object.entries(node).map(([key, value]) => [key, visit(value)]);
  return {
    ...Object.fromEntries(entries),
    ...(types.length > 0 && { type: types }),
    ...(branches.length > 0 && { anyOf: visit(branches) }),
  };
}
