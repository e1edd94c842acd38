// Declares the used parts of packages without types.
type Mountable = import('express').RequestHandler;
type KoaMountable = import('koa').Middleware;

declare module 'cors' {
  export default function cors(options: object): Mountable;
}
declare module 'morgan' {
  export default function morgan(format: string, options: object): Mountable;
}
declare module 'finalhandler' {
  export default function finalhandler(
    req: import('node:http').IncomingMessage,
    res: import('node:http').ServerResponse,
    options: object,
  ): (error?: unknown) => void;
}
declare module 'router' {
  interface Router {
    (req: object, res: object, next: (error?: unknown) => void): void;
    all(path: string, handle: (...args: never[]) => unknown): this;
  }
  export default function makeRouter(): Router;
}
declare module '@koa/cors' {
  export default function cors(options: object): KoaMountable;
}
declare module 'on-finished' {
  export default function onFinished(message: object, listener: (error: unknown) => void): void;
}
declare module 'cookie-session' {
  export default function cookieSession(options: object): Mountable;
}
declare module 'passport' {
  type Done<T> = (error: unknown, value?: T | false, info?: object) => void;
  export class Passport {
    use(strategy: object): this;
    serializeUser<User, Id>(serialize: (user: User, done: Done<Id>) => void): void;
    deserializeUser<User, Id>(deserialize: (id: Id, done: Done<User>) => void): void;
    initialize(): Mountable;
    session(): Mountable;
    authenticate(strategy: string, options?: object): Mountable;
  }
}
declare module 'passport-local' {
  type Done<T> = (error: unknown, user?: T | false) => void;
  export class Strategy {
    constructor(verify: <User>(name: string, password: string, done: Done<User>) => void);
  }
}
declare module 'cookie-signature' {
  export function sign(value: string, secret: string): string;
  export function unsign(value: string, secret: string): string | false;
}
