import type { Route, Row } from './page.js';

/** A request with FastAPI's answer, and the one given here. */
type Pair = readonly [fastapi: Row, here: Row];

export interface Difference {
  readonly title: string;
  readonly routes: readonly Route[];
  readonly rows: readonly Pair[];
}

export const differ = (asked: Row[0], fastapi: Answer, here: Answer): Pair => [
  [asked, ...fastapi],
  [asked, ...here],
];
export type Answer = readonly [status: number, body: unknown];
export const ok = (body: unknown): Answer => [200, body];
export const refused = (...detail: object[]): Answer => [422, { detail }];
/** FastAPI fails while it writes the answer. */
export const failed: Answer = [500, 'Internal Server Error'];
