import type { Route, Row } from './page.js';

/** A request with FastAPI's response and with callnext's. */
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
/** FastAPI fails while it serializes the response. */
export const failed: Answer = [500, 'Internal Server Error'];
