type Json = unknown;

/**
 * A document without what depends on the schema library. References are resolved, because a Zod schema
 * without an `id` has no name. Left out are names that the pages' anonymous handlers do not have, titles that
 * pydantic makes up, `null` as a default or in a union, the expression beside a format, types of property
 * names, and whether a union is `oneOf`.
 */
export function normalise(document: { readonly paths: object; readonly components?: Json }): Json {
  const named = ($ref: string): object =>
    $ref.split('/').reduce((at, key) => (key === '#' ? at : Reflect.get(at, key)), document as object);
  const visit = (node: Json): Json => {
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== 'object' || node === null) return node;
    const { $ref, title, operationId, summary, propertyNames, ...rest } = node as Record<string, Json>;
    if (typeof $ref === 'string') return visit(Object.assign(named($ref), rest));
    // These are properties with the names of keywords.
    if (typeof title === 'object') return visit({ ...rest, ' title': title });
    const { type, oneOf, anyOf = oneOf, ...schema } = rest;
    if (typeof type === 'object' && !Array.isArray(type))
      return visit({ ...rest, type: undefined, ' type': type });
    if ('format' in schema) delete schema.pattern;
    if (schema.default === null) delete schema.default;
    const types = [type ?? []].flat().filter(each => each !== 'null');
    const branches = [anyOf ?? []].flat().filter(each => (each as { type?: Json }).type !== 'null');
    if (branches.length === 1) return visit({ ...(branches[0] as object), ...schema });
    const entries = Object.entries(schema).map(([key, value]) => [key, visit(value)]);
    if (types.length > 0) entries.push(['type', types]);
    if (branches.length > 0) entries.push(['anyOf', visit(branches)]);
    return Object.fromEntries(entries);
  };
  return visit(document.paths);
}
