import { Duplex } from 'node:stream';
import { clearTimer, later, setTimer, type Timer } from './real-time.js';

/** How many bytes may be in transit before a writer waits, like a socket's buffers. */
const mostOnTheWay = 64 * 1024;

/**
 * One end of a connection within the process. Like a socket, it accepts bytes at once and delivers them a
 * turn later.
 */
class End extends Duplex {
  peer!: End;
  /** Express, Koa and callnext read the address of the peer. */
  readonly remoteAddress = '127.0.0.1';
  readonly remoteFamily = 'IPv4';
  readonly remotePort: number;
  readonly connecting = false;
  bytesWritten = 0;
  /** How many milliseconds without data lead to a `timeout` event. */
  timeout = 0;
  #timer: Timer | undefined;
  #onTheWay = 0;
  #written: (() => void) | undefined;
  /** Whether the other end has finished writing. */
  #hasEnd = false;

  constructor(remotePort: number) {
    super({ allowHalfOpen: false });
    this.remotePort = remotePort;
  }

  setTimeout(milliseconds: number, callback?: () => void): this {
    this.timeout = milliseconds;
    if (callback) {
      if (milliseconds === 0) this.off('timeout', callback);
      else this.once('timeout', callback);
    }
    this.#startTimer();
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** The other end receives an error, like after a TCP RST. */
  resetAndDestroy(): this {
    later(() => this.peer.destroy(reset()));
    return this.destroy();
  }

  override _read(): void {
    this.peer.#goOn();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const { peer } = this;
    // Not synchronously: an app that writes while there is room would never see the connection close.
    if (peer.destroyed) return later(done);
    this.bytesWritten += chunk.byteLength;
    this.#onTheWay += chunk.byteLength;
    this.#startTimer();
    later(() => {
      this.#onTheWay -= chunk.byteLength;
      if (peer.destroyed || peer.#hasEnd) return this.#goOn();
      peer.#startTimer();
      peer.push(chunk);
    });
    if (this.#onTheWay + peer.readableLength < mostOnTheWay) done();
    else this.#written = done;
  }

  override _final(done: () => void): void {
    later(() => this.peer.#hearEnd());
    done();
  }

  /** Delivers what was written; then the other end sees the connection close. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimer(this.#timer);
    this.#goOn();
    done(error);
    later(() => this.peer.#hearClose());
  }

  /** Resumes a writer that waited for its reader. */
  #goOn(): void {
    const written = this.#written;
    this.#written = undefined;
    if (written) later(written);
  }

  #hearEnd(): void {
    if (this.#hasEnd) return;
    this.#hasEnd = true;
    if (!this.destroyed) this.push(null);
  }

  #hearClose(): void {
    if (this.destroyed) return;
    this.#hearEnd();
    this.peer.#goOn();
    this.#goOn();
    // Unread data can still be read.
    if (this.readableLength === 0) later(() => this.destroy());
    else this.once('end', () => later(() => this.destroy()));
  }

  #startTimer(): void {
    clearTimer(this.#timer);
    if (this.timeout > 0) this.#timer = setTimer(() => this.emit('timeout'), this.timeout).unref();
  }
}

function reset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { errno: -104, code: 'ECONNRESET', syscall: 'read' });
}

/** Creates the two ends of a connection within the process; Node's HTTP runs over them as over sockets. */
export function connection(): { readonly client: Duplex; readonly server: Duplex } {
  const [client, server] = [new End(80), new End(50_000)];
  client.peer = server;
  server.peer = client;
  return { client, server };
}
