import type { ValidationDetail } from '../exceptions/validation-error.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import type { SchemaTree } from './json-schema.js';
import type { Problem } from './keywords.js';
import { headerName, isSecret } from './names.js';
import { begin, declaredIn, isObject, ownOf, type Place, receivedAt, stepInto } from './place.js';
import { problemsOfIssue } from './text-rules.js';
import { problemsOf, type TaggedProblem } from './unions.js';

/** A value that a schema refused. */
export interface Explained {
  readonly loc: readonly (string | number)[];
  /** The value that the schema received. */
  readonly value: unknown;
  /** The value before conversion. */
  readonly raw: unknown;
  readonly tree: SchemaTree | undefined;
}

/** Controls which inputs errors repeat. */
export interface Telling {
  readonly echoes: boolean;
  /** Whether names are header names, some of which hold secrets. */
  readonly isHeader: boolean;
}

/** Returns the error for a missing value. */
export function missing(
  loc: readonly (string | number)[],
  input: unknown,
  echoes: boolean,
): ValidationDetail {
  return { type: 'missing', loc, msg: 'Field required', ...(echoes && { input }) };
}

/** Converts issues to FastAPI's errors, using the JSON Schema at the path of each issue. */
export function explain(
  explained: Explained,
  issues: readonly StandardSchemaV1.Issue[],
  telling: Telling,
): ValidationDetail[] {
  const told = new Set<string>();
  const listed = new Set<unknown>();
  const places = new Places(explained);
  const details = issues.flatMap(issue => {
    const place = places.of(issue);
    const all = detailsAt(place, issue, listed).map(detail => tell(detail, telling));
    // Schemas may report several issues for one value; pydantic stops at the first.
    return all.filter(({ type, loc, msg }) => {
      const where = JSON.stringify(loc);
      if (told.has(where) || told.has(`${where} ${msg}`)) return false;
      told.add(type === 'value_error' ? `${where} ${msg}` : where);
      return true;
    });
  });
  return details.some(isTooShort) ? withoutLengths(details) : details;
}

const isTooShort = ({ type }: ValidationDetail): boolean => type === 'too_short';

/** pydantic checks the length of a list only if all its items are valid. */
function withoutLengths(details: readonly ValidationDetail[]): ValidationDetail[] {
  const around = new Set(
    details.flatMap(({ loc }) => loc.map((_, end) => JSON.stringify(loc.slice(0, end)))),
  );
  return details.filter(detail => !isTooShort(detail) || !around.has(JSON.stringify(detail.loc)));
}

/** The places of issues, each made once: a client may nest a body deeply and be wrong at every level. */
class Places {
  readonly #root: Place;
  readonly #inside = new Map<Place, Map<PropertyKey, Place>>();

  constructor({ loc, value, raw, tree }: Explained) {
    this.#root = begin(tree, loc, value, raw);
  }

  of({ path = [] }: StandardSchemaV1.Issue): Place {
    let place = this.#root;
    for (const segment of path) {
      const key = typeof segment === 'object' ? segment.key : segment;
      // Valibot and ArkType treat a list as an object that lacks every property.
      if (Array.isArray(place.value) && !/^\d+$/.test(String(key))) break;
      place = this.#step(place, key);
    }
    return place;
  }

  #step(parent: Place, key: PropertyKey): Place {
    const inside = this.#inside.get(parent) ?? new Map<PropertyKey, Place>();
    this.#inside.set(parent, inside);
    const place = inside.get(key) ?? stepInto(parent, key);
    inside.set(key, place);
    return place;
  }
}

/** An error before `tell` removes inputs that must not be repeated. */
interface Detail extends Problem {
  readonly loc: readonly (string | number)[];
  readonly input: unknown;
}

/** `listed` collects the objects whose unknown keys have been listed. */
function detailsAt(place: Place, issue: StandardSchemaV1.Issue, listed: Set<unknown>): readonly Detail[] {
  const { parent, alternatives, value } = place;
  if (parent && !place.isThere && isObject(parent.value)) return [missingAt(place, parent)];
  // Zod reports unknown keys at the object, Valibot and ArkType at the key.
  for (const each of [place, ...(parent && alternatives.length === 0 ? [parent] : [])]) {
    // A client may send thousands: listing all of them for each would take minutes.
    if (listed.has(each.value)) return [];
    const extras = extrasOf(each);
    if (extras.length === 0) continue;
    listed.add(each.value);
    return extras;
  }
  const ofItems = itemsOfShort(place);
  if (ofItems.length > 0) return ofItems;
  const problems = problemsOfIssue(alternatives, value, issue);
  return problems.length > 0 ? problems.map(each => at(place, each)) : [unexplained(issue, place)];
}

function at({ loc, raw }: Place, { tag, problem }: TaggedProblem): Detail {
  return { ...problem, loc: tag === undefined ? loc : [...loc, tag], input: raw };
}

function missingAt({ loc }: Place, parent: Place): Detail {
  return { type: 'missing', loc, msg: 'Field required', input: parent.raw };
}

/** Returns the errors of a short tuple. Schemas report its length; pydantic reports each missing item. */
function itemsOfShort(place: Place): readonly Detail[] {
  const { alternatives, value } = place;
  const tuple = alternatives.length === 1 && alternatives[0]?.find(({ prefixItems }) => prefixItems);
  if (!tuple || !Array.isArray(value) || typeof tuple.minItems !== 'number' || value.length >= tuple.minItems)
    return [];
  const items = Array.from({ length: tuple.minItems }, (_, index) => stepInto(place, index));
  return items.flatMap(item =>
    item.isThere
      ? problemsOf(item.alternatives, item.value).map(each => at(item, each))
      : missingAt(item, place),
  );
}

function extrasOf(place: Place): readonly Detail[] {
  const { value, raw, loc } = place;
  const declared = isObject(value) && !Array.isArray(value) ? declaredIn(place) : undefined;
  if (!declared || !isObject(value)) return [];
  return Object.keys(value)
    .filter(key => !declared.has(key))
    .map(key => ({
      type: 'extra_forbidden',
      loc: [...loc, key],
      msg: 'Extra inputs are not permitted',
      input: ownOf(raw, key),
    }));
}

/** Uses the schema's own message, because its JSON Schema does not explain the issue. */
function unexplained({ message }: StandardSchemaV1.Issue, place: Place): Detail {
  const { loc } = place;
  return {
    type: 'value_error',
    loc,
    msg: `Value error, ${message}`,
    input: receivedAt(place),
    ctx: { error: {} },
  };
}

/** Removes the input from an error, or only its secret headers. */
function tell({ input, ctx, ...detail }: Detail, { echoes, isHeader }: Telling): ValidationDetail {
  const { loc } = detail;
  const hides = !echoes || (isHeader && loc.slice(1).some(name => isSecret(headerName(String(name)))));
  const shown = isHeader && isObject(input) && !Array.isArray(input) ? withoutSecrets(input) : input;
  const { type, msg } = detail;
  return {
    type,
    loc,
    msg,
    ...(!hides && { input: shown === undefined ? null : shown }),
    ...(ctx && { ctx }),
  };
}

function withoutSecrets(headers: object): object {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isSecret(headerName(name))));
}
