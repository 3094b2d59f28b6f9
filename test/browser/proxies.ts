/** Proxies that let HTTP through but no WebSocket, each in a way of its own. */
import {
  createServer,
  type IncomingMessage,
  type RequestOptions,
  request,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { listenOnLoopback } from '../../dev/loopback.ts';

/**
 * What becomes of an upgrade: it is refused, answered by nothing, passed on without its header, accepted with
 * everything that follows held back, or passed on.
 */
export type Upgrades = 'refused' | 'hanging' | 'stripped' | 'buffered' | 'passed';

export interface NetworkProxy {
  url: string;
  /** Of connections that are made from now on. */
  upgrades: Upgrades;
  close(): Promise<void>;
}

/** @param address what it says the callers' address is. */
export async function startProxy(target: string, address: string): Promise<NetworkProxy> {
  const open = new Set<Duplex>();
  const { hostname, port } = new URL(target);
  const optionsOf = ({ method, url, headers }: IncomingMessage): RequestOptions => ({
    hostname,
    port,
    method,
    path: url,
    headers: { ...headers, 'cf-connecting-ip': address },
  });
  const server = createServer((asked: IncomingMessage, answer: ServerResponse) => {
    const onward = request(optionsOf(asked), (came) => {
      answer.writeHead(came.statusCode ?? 502, came.headers);
      came.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    asked.pipe(onward);
  });
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.on('upgrade', (asked: IncomingMessage, socket: Duplex, early: Buffer) => {
    socket.on('error', () => {});
    switch (proxy.upgrades) {
      case 'refused':
        socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
        return;
      case 'hanging':
        return;
      case 'stripped': {
        const { upgrade: _, connection: __, ...headers } = asked.headers;
        const options = optionsOf(asked);
        request({ ...options, headers: { ...headers, 'cf-connecting-ip': address } }, (came) => {
          came.resume();
          socket.end(`HTTP/1.1 ${came.statusCode} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        }).end();
        return;
      }
      default: {
        const onward = request(optionsOf(asked));
        onward.on('upgrade', (came, behind, first) => {
          open.add(behind);
          behind.on('error', () => {});
          behind.on('close', () => open.delete(behind));
          const lines = Object.entries(came.headers).map(([name, value]) => `${name}: ${value}\r\n`);
          socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
          behind.write(early);
          socket.pipe(behind);
          if (proxy.upgrades === 'passed') {
            socket.write(first);
            behind.pipe(socket);
          } else behind.resume();
        });
        onward.on('response', (came) => {
          came.resume();
          socket.end(`HTTP/1.1 ${came.statusCode} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        });
        onward.on('error', () => socket.destroy());
        onward.end();
      }
    }
  });
  const listening = await listenOnLoopback(server, 0);
  const proxy: NetworkProxy = {
    url: `http://127.0.0.1:${listening}`,
    upgrades: 'passed',
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
