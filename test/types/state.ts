// `request.state` has the types that a program names. By itself, because an augmentation holds for the whole program.
import { endpoint, type Middleware, type Request } from 'callnext';

declare module 'callnext' {
  interface RequestState {
    testUser?: { readonly id: number };
  }
}

function assertType<_T extends true>(): void {
  // Compiles or does not.
}
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const setUser: Middleware = (request, callNext) => {
  request.state.testUser = { id: 1 };
  // @ts-expect-error It has an id of another type.
  request.state.testUser = { id: 'one' };
  return callNext(request);
};

endpoint({}, ({ request }) => {
  assertType<Equal<typeof request.state.testUser, { readonly id: number } | undefined>>();
  assertType<Equal<typeof request.state.other, unknown>>();
  return request.state.testUser?.id;
});

// One request may be named more closely, as before.
export function idOf(request: Request<{ user: { id: string } }>): string {
  return request.state.user.id;
}
