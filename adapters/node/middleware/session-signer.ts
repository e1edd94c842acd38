import { createHash } from 'node:crypto';
import Keygrip from 'keygrip';

/**
 * Signs sessions as Starlette does, with the `TimestampSigner` of itsdangerous: `base64(json) "."
 * base64url(time) "." base64url(HMAC-SHA1)`, the time in seconds. Collisions of SHA-1 do not weaken an HMAC
 * (RFC 6151, 2; NIST SP 800-107, 5.3.4). See docs/decisions/011.
 */
export class SessionSigner {
  readonly #keys: Keygrip;
  readonly #maxAge: number | null;

  /** The first secret signs; all of them verify. */
  constructor(secrets: readonly string[], maxAge: number | null) {
    this.#keys = new Keygrip(secrets.map(derivedKey) as never[], 'sha1', 'base64');
    this.#maxAge = maxAge;
  }

  sign(json: string): string {
    const value = `${Buffer.from(json).toString('base64')}.${timestamp()}`;
    return `${value}.${this.#keys.sign(value)}`;
  }

  /**
   * Returns the signed object; `undefined` if the signature or the time is invalid, or if it is not an
   * object.
   */
  read(cookie: string): Record<string, unknown> | undefined {
    const [, value = '', payload = '', time = '', signature = ''] =
      /^((.*)\.([\w-]+))\.([\w-]{27})$/.exec(cookie) ?? [];
    if (signature === '' || !this.#keys.verify(value, signature) || !this.#isInTime(time)) return undefined;
    return objectOf(Buffer.from(payload, 'base64').toString());
  }

  /**
   * As itsdangerous, refuses values that are too old or signed in the future; without `maxAge` any time is
   * valid.
   */
  #isInTime(time: string): boolean {
    const seconds = Buffer.from(time, 'base64url');
    if (seconds.length === 0 || seconds.length > 6) return false;
    const age = now() - seconds.readUIntBE(0, seconds.length);
    return this.#maxAge === null || (age >= 0 && age <= this.#maxAge);
  }
}

/**
 * The key of itsdangerous' signers: derived in its default way ("django-concat"), with the default salt of
 * `TimestampSigner`.
 */
function derivedKey(secret: string): Buffer {
  return createHash('sha1').update(`itsdangerous.Signersigner${secret}`).digest();
}

/** Returns the time in seconds in the fewest bytes that hold it, the most significant first. */
function timestamp(): string {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(now(), 0, 6);
  return bytes.subarray(bytes.findIndex(byte => byte !== 0)).toString('base64url');
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

function objectOf(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
