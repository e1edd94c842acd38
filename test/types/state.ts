// `request.state` has the types that a program declares. In its own file, because an augmentation is global.
import { endpoint, type Middleware, type Request } from 'callnext';

declare module 'callnext' {
  interface RequestState {
    testUser?: { readonly id: number };
  }
}

function assertType<_T extends true>(): void {
  // The compiler is the test.
}
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const setUser: Middleware = (request, callNext) => {
  request.state.testUser = { id: 1 };
  // @ts-expect-error The id has another type.
  request.state.testUser = { id: 'one' };
  return callNext(request);
};

endpoint({}, ({ request }) => {
  assertType<Equal<typeof request.state.testUser, { readonly id: number } | undefined>>();
  assertType<Equal<typeof request.state.other, unknown>>();
  return request.state.testUser?.id;
});

// A single request may have a narrower type.
export function idOf(request: Request<{ user: { id: string } }>): string {
  return request.state.user.id;
}
