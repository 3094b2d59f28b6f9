/**
 * Opens PGlite to plain postgres:// clients (psql, `pg`, drizzle-kit) on 127.0.0.1, beside
 * what HTTP does with it.
 *
 * Why the wire code is our own: `@electric-sql/pglite-socket` 0.2.17 with PGlite 0.5.14 failed seven of the
 * eleven tests of several clients in `test/integration/neon-pglite.test.ts` (tried on 2026-11-28). It hands
 * bytes on and keeps no state for a client:
 * - It lets in every user, password and database name.
 * - Two clients can't prepare statements of one name: the second gets 42P05.
 * - What a client has set (`SET`) stays when all clients have left.
 * - A client that idles in a transaction keeps all others waiting for ever.
 * - A message of an impossible length doesn't end the connection.
 * - Its queue is private: an HTTP request can't wait for its turn there, joins a client's open
 *   transaction and ends it.
 *
 * With our code, too, all clients share PGlite's one session: settings, advisory locks and LISTEN are common
 * to those who are connected at the same time.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { listenOnLoopback } from '../loopback.ts';
import type { Credentials } from './credentials.ts';
import type { PgliteBackend } from './pglite-backend.ts';
import { PgliteConnection, type PgliteConnectionOptions } from './pglite-connection.ts';
import { errorMessage } from './wire.ts';

const maxConnections = 50;

export interface PgliteSocketOptions {
  readonly backend: PgliteBackend;
  /** 0: a free one. */
  readonly port: number;
  readonly credentials: Credentials;
  /** See {@link PgliteConnectionOptions}. */
  readonly idleInTransactionMs: PgliteConnectionOptions['idleInTransactionMs'];
  readonly log: (line: string) => void;
}

export class PgliteSocketServer {
  readonly port: number;
  readonly #server: Server;
  readonly #connections: Set<PgliteConnection>;

  private constructor(server: Server, port: number, connections: Set<PgliteConnection>) {
    this.#server = server;
    this.port = port;
    this.#connections = connections;
  }

  /** @throws the listen error, when the port is taken. */
  static async start(options: PgliteSocketOptions): Promise<PgliteSocketServer> {
    const connections = new Set<PgliteConnection>();
    const server = createServer({ noDelay: true }, (socket) => accept(socket, connections, options));
    return new PgliteSocketServer(server, await listenOnLoopback(server, options.port), connections);
  }

  /** Turns all clients out, rolling back what they left open. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#connections].map((connection) => connection.shutDown()));
    await closed;
  }
}

function accept(socket: Socket, connections: Set<PgliteConnection>, options: PgliteSocketOptions): void {
  if (connections.size >= maxConnections) {
    socket.on('error', () => {});
    socket.end(errorMessage('FATAL', '53300', 'sorry, too many clients already'));
    return;
  }
  const connection = new PgliteConnection({
    ...options,
    socket,
    onClose: async () => {
      connections.delete(connection);
      // What a client set stays set for all, so the last one to leave puts everything back.
      return connections.size === 0;
    },
  });
  connections.add(connection);
}
