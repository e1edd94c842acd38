import { Duplex } from 'node:stream';

/** One end of a connection that never leaves the process. What one end writes the other reads, as fast as it reads. */
class End extends Duplex {
  peer!: End;
  /** What Express, Koa and callnext ask of a peer. */
  readonly remoteAddress = '127.0.0.1';
  readonly remoteFamily = 'IPv4';
  readonly remotePort: number;
  bytesWritten = 0;
  #written: (() => void) | undefined;

  constructor(remotePort: number) {
    super({ allowHalfOpen: false });
    this.remotePort = remotePort;
  }

  setTimeout(): this {
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

  override _read(): void {
    const { peer } = this;
    const written = peer.#written;
    peer.#written = undefined;
    if (written) setImmediate(written);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytesWritten += chunk.byteLength;
    if (this.peer.destroyed) return done();
    if (this.peer.push(chunk)) setImmediate(done);
    else this.#written = done;
  }

  override _final(done: () => void): void {
    if (!this.peer.destroyed) this.peer.push(null);
    done();
  }

  /** The other end sees the connection close. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#written?.();
    this.#written = undefined;
    done(error);
    setImmediate(() => {
      if (!this.peer.destroyed) this.peer.destroy();
    });
  }
}

/** The two ends of a connection in process: Node's HTTP speaks over them as over sockets. */
export function connection(): { readonly client: Duplex; readonly server: Duplex } {
  const [client, server] = [new End(80), new End(50_000)];
  client.peer = server;
  server.peer = client;
  return { client, server };
}
