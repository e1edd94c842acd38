import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import type { Call } from './call.js';
import { connection } from './in-process.js';
import { type Asked, isStream } from './test-request.js';

/** The connection between a client and its server: over a port of 127.0.0.1, or within the process. */
export class Wire {
  readonly #server: http.Server;
  readonly #usesSocket: boolean;
  readonly #agent = new http.Agent({ keepAlive: true });
  #listening: Promise<void> | undefined;
  #isClosed = false;
  /** Pending calls, by the port of their connection or by their in-process end. */
  readonly #calls = new Map<unknown, Call>();
  /** The client's in-process ends. */
  readonly #ends = new Set<Duplex>();

  constructor(server: http.Server, usesSocket: boolean) {
    this.#server = server;
    this.#usesSocket = usesSocket;
  }

  /** The call that a server's request belongs to; `undefined` if another client sent it. */
  callOf({ socket }: IncomingMessage): Call | undefined {
    return this.#calls.get(socket) ?? this.#calls.get(socket.remotePort);
  }

  forget(call: Call): void {
    for (const [key, each] of this.#calls) if (each === call) this.#calls.delete(key);
  }

  /** Resolves with the head of the response. Rejects if the connection fails, or with the signal's reason. */
  async send(
    { request, content }: Asked,
    headers: http.OutgoingHttpHeaders,
    call: Call,
  ): Promise<IncomingMessage> {
    const { method, signal } = request;
    const { pathname, search } = new URL(request.url);
    const way = await this.#way(call);
    const sent = http.request({ method, path: pathname + search, headers, signal, ...way });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.once('error', error => reject(signal.aborted ? signal.reason : error));
    });
    if (this.#usesSocket) sent.once('socket', socket => this.#follow(socket as Socket, call));
    // The app may answer and close the connection before it has read the body: its answer counts.
    if (isStream(content)) pipeline(Readable.fromWeb(content as WebStream), sent).catch(() => undefined);
    else sent.end(content);
    return answered;
  }

  /** Ends all connections. Unsent calls reject. */
  cut(): void {
    this.#isClosed = true;
    this.#agent.destroy();
    for (const end of this.#ends) end.destroy();
    this.#server.closeAllConnections();
  }

  /** Closes the server if this client started it. */
  async close(): Promise<void> {
    if (this.#listening === undefined) return;
    await this.#listening.catch(() => undefined);
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }

  async #way(call: Call): Promise<http.RequestOptions> {
    this.#refuseIfClosed();
    if (!this.#usesSocket) return this.#inProcess(call);
    if (!this.#server.listening) await this.#listen();
    this.#refuseIfClosed();
    const { port } = this.#server.address() as AddressInfo;
    return { host: '127.0.0.1', port, agent: this.#agent };
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw new TypeError('The client is closed.');
  }

  #inProcess(call: Call): http.RequestOptions {
    const { client, server } = connection();
    this.#calls.set(server, call);
    this.#ends.add(client);
    client.once('close', () => this.#ends.delete(client));
    this.#server.emit('connection', server);
    return { createConnection: () => client };
  }

  #listen(): Promise<void> {
    this.#listening ??= new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return this.#listening;
  }

  #follow(socket: Socket, call: Call): void {
    // Node 20 removes its listener too early: the last write fails if the app hangs up on an upload.
    if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore);
    // The port is known once the connection exists, before the first byte is sent.
    const name = (): void => void this.#calls.set(socket.localPort, call);
    if (socket.connecting) socket.once('connect', name);
    else name();
  }
}

function ignore(): void {
  // The request reports the error itself.
}
