import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { type Type, type } from 'arktype';
import type { StandardSchemaV1 } from 'callnext/params';
import fc from 'fast-check';
import * as v from 'valibot';
import { z } from 'zod';

/** A schema as data, from which the schema of each library is built. */
export type Shape =
  | { kind: 'int' | 'number'; min: number; max: number }
  | { kind: 'text'; min: number; max: number }
  | { kind: 'boolean' }
  | { kind: 'oneOf'; values: readonly string[] }
  | { kind: 'nullable'; inner: Shape }
  | { kind: 'list'; item: Shape; min: number }
  | { kind: 'model'; properties: Readonly<Record<string, Property>>; isStrict: boolean };

export interface Property {
  readonly shape: Shape;
  readonly isOptional: boolean;
}

/** Whether a value fits a shape; checked without any library. */
export function fits(shape: Shape, value: unknown): boolean {
  switch (shape.kind) {
    case 'int':
      return Number.isSafeInteger(value) && isWithin(shape, value as number);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && isWithin(shape, value);
    case 'text':
      // Zod counts code points, the others UTF-16 units.
      return typeof value === 'string' && [value.length, [...value].length].some(n => isWithin(shape, n));
    case 'boolean':
      return typeof value === 'boolean';
    case 'oneOf':
      return shape.values.includes(value as string);
    case 'nullable':
      return value === null || fits(shape.inner, value);
    case 'list':
      return Array.isArray(value) && value.length >= shape.min && value.every(each => fits(shape.item, each));
    case 'model':
      return isModel(shape, value);
  }
}

function isWithin({ min, max }: { min: number; max: number }, value: number): boolean {
  return value >= min && value <= max;
}

function isModel({ properties, isStrict }: Shape & { kind: 'model' }, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // Valibot and ArkType accept a list as an object.
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return false;
  if (isStrict && !Object.keys(value).every(key => Object.hasOwn(properties, key))) return false;
  return Object.entries(properties).every(([key, { shape, isOptional }]) => {
    const has = Object.hasOwn(value, key) && Reflect.get(value, key) !== undefined;
    return has ? fits(shape, Reflect.get(value, key)) : isOptional;
  });
}

function zodOf(shape: Shape): z.ZodType {
  switch (shape.kind) {
    case 'int':
      return z.int().min(shape.min).max(shape.max);
    case 'number':
      return z.number().min(shape.min).max(shape.max);
    case 'text':
      return z.string().min(shape.min).max(shape.max);
    case 'boolean':
      return z.boolean();
    case 'oneOf':
      return z.enum(shape.values as [string]);
    case 'nullable':
      return zodOf(shape.inner).nullable();
    case 'list':
      return z.array(zodOf(shape.item)).min(shape.min);
    case 'model': {
      const properties = mapped(shape, (each, isOptional) =>
        isOptional ? zodOf(each).optional() : zodOf(each),
      );
      return shape.isStrict ? z.strictObject(properties) : z.object(properties);
    }
  }
}

type ValibotSchema = v.GenericSchema;

function valibotOf(shape: Shape): ValibotSchema {
  switch (shape.kind) {
    case 'int':
      return v.pipe(v.number(), v.safeInteger(), v.integer(), v.minValue(shape.min), v.maxValue(shape.max));
    case 'number':
      return v.pipe(v.number(), v.finite(), v.minValue(shape.min), v.maxValue(shape.max));
    case 'text':
      return v.pipe(v.string(), v.minLength(shape.min), v.maxLength(shape.max));
    case 'boolean':
      return v.boolean();
    case 'oneOf':
      return v.picklist(shape.values);
    case 'nullable':
      return v.nullable(valibotOf(shape.inner));
    case 'list':
      return v.pipe(v.array(valibotOf(shape.item)), v.minLength(shape.min));
    case 'model': {
      const properties = mapped(shape, (each, isOptional) =>
        isOptional ? v.optional(valibotOf(each)) : valibotOf(each),
      );
      return shape.isStrict ? v.strictObject(properties as never) : v.object(properties as never);
    }
  }
}

function arktypeOf(shape: Shape): Type {
  switch (shape.kind) {
    case 'int':
      return type('number.safe & number.integer').and(
        `${shape.min} <= number <= ${shape.max}` as never,
      ) as never;
    case 'number':
      return type(`${shape.min} <= number <= ${shape.max}` as never) as never;
    case 'text':
      return type(`${shape.min} <= string <= ${shape.max}` as never) as never;
    case 'boolean':
      return type('boolean') as never;
    case 'oneOf':
      return type.enumerated(...shape.values) as never;
    case 'nullable':
      return arktypeOf(shape.inner).or('null') as never;
    case 'list':
      return arktypeOf(shape.item).array().atLeastLength(shape.min) as never;
    case 'model': {
      const entries = Object.entries(shape.properties).map(([key, { shape: each, isOptional }]) => [
        isOptional ? `${key}?` : key,
        arktypeOf(each),
      ]);
      return type({ '+': shape.isStrict ? 'reject' : 'delete', ...Object.fromEntries(entries) }) as never;
    }
  }
}

function mapped<Schema>(
  { properties }: Shape & { kind: 'model' },
  of: (shape: Shape, isOptional: boolean) => Schema,
): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(properties).map(([key, { shape, isOptional }]) => [key, of(shape, isOptional)]),
  );
}

/** Builds the schema of a shape with each library. */
export const libraries: Readonly<Record<string, (shape: Shape) => StandardSchemaV1>> = {
  Zod: zodOf,
  Valibot: shape => toStandardJsonSchema(valibotOf(shape)),
  ArkType: shape => arktypeOf(shape) as unknown as StandardSchemaV1,
};

const bounds = fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: 0, max: 30 }));
const lengths = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 5 }));
const words = ['a', 'b', 'true', '1', 'on', 'ü'];

export const scalar: fc.Arbitrary<Shape> = fc.oneof(
  bounds.map(([min, more]): Shape => ({ kind: 'int', min, max: min + more })),
  bounds.map(([min, more]): Shape => ({ kind: 'number', min, max: min + more })),
  lengths.map(([min, more]): Shape => ({ kind: 'text', min, max: min + more })),
  fc.constant<Shape>({ kind: 'boolean' }),
  fc.subarray(words, { minLength: 1 }).map((values): Shape => ({ kind: 'oneOf', values })),
);
export const list = listOf(scalar);
export const names = ['a', 'b', 'itemId', 'item_id', 'constructor', 'toString', 'hasOwnProperty'];

function listOf(item: fc.Arbitrary<Shape>): fc.Arbitrary<Shape> {
  return fc.record({ item, min: fc.integer({ min: 0, max: 2 }) }).map(each => ({ kind: 'list', ...each }));
}

export function modelOf(value: fc.Arbitrary<Shape>): fc.Arbitrary<Shape> {
  const property = fc.record({ shape: value, isOptional: fc.boolean() });
  const properties = fc.dictionary(fc.constantFrom(...names), property, {
    maxKeys: 4,
    noNullPrototype: true,
  });
  return fc.record({ properties, isStrict: fc.boolean() }).map(each => ({ kind: 'model', ...each }));
}

/** The shape of a JSON body, which may be nested. */
export const nested: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape }>(tie => ({
  shape: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    scalar.map((inner): Shape => ({ kind: 'nullable', inner })),
    listOf(tie('shape')),
    modelOf(tie('shape')),
  ),
})).shape;
