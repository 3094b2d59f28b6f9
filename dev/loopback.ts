/** Servers that only this machine reaches. */
import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';

/**
 * Listens on 127.0.0.1.
 * @param port 0: a free one.
 * @returns the port.
 * @throws the listen error, such as EADDRINUSE when the port is taken.
 */
export async function listenOnLoopback(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a TCP port');
  return address.port;
}

/** Cuts all connections, and resolves when the server is closed. */
export async function closeAtOnce(server: HttpServer): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/**
 * Stops accepting, lets requests under way finish for up to `graceMs` milliseconds, and resolves when
 * the server is closed.
 */
export function closeWithin(server: HttpServer, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A caller that stalls in the middle of its request must not hold the process for ever.
    const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
    server.closeIdleConnections();
  });
}
