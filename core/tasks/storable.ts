/**
 * A type as a queue can store it. Functions, symbols, bigints and the methods of instances become `never`, so
 * that arguments with these do not compile.
 */
export type Storable<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? T
    : T extends string | number | boolean | null | undefined
      ? T
      : T extends ((...args: never[]) => unknown) | symbol | bigint
        ? never
        : { [Key in keyof T]: Storable<T[Key]> };
