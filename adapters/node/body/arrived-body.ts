import { KeptBytes } from '../../../core/adapter.js';

/**
 * The bytes of a body that have arrived for our reader: kept until it takes them, or dropped if they are too
 * many.
 */
export class ArrivedBody {
  readonly #kept = new KeptBytes();
  #state: 'arriving' | 'ended' | 'failed' = 'arriving';
  #failure: Error | undefined;
  /** Whether something was dropped that our reader had not taken. */
  #isForgotten = false;
  /** Bytes that have arrived. */
  #received = 0;
  #wake: () => void = () => undefined;

  get received(): number {
    return this.#received;
  }

  /** Bytes that are kept. */
  get size(): number {
    return this.#kept.size;
  }

  get isForgotten(): boolean {
    return this.#isForgotten;
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  keep(bytes: Uint8Array): void {
    this.#received += bytes.byteLength;
    if (this.#isForgotten) return;
    this.#kept.push(bytes);
    this.#wake();
  }

  take(): Uint8Array | undefined {
    return this.#kept.take();
  }

  forget(): void {
    this.#isForgotten = true;
    this.#kept.forget(this.#kept.end);
  }

  end(): void {
    if (this.#state !== 'arriving') return;
    this.#state = 'ended';
    this.#wake();
  }

  /** The first failure counts, unless the body had ended before. */
  fail(error: Error): void {
    if (this.#state === 'ended') return;
    this.#state = 'failed';
    this.#failure ??= error;
    this.#wake();
  }

  /** Resolves when more has arrived, or nothing more will. */
  more(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve;
    });
  }

  /** Makes the reader check again. */
  wake(): void {
    this.#wake();
  }
}
