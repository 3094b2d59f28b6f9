/** Picks TCP ports. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { StackError } from './errors.ts';

/**
 * Random ports come from below the range that systems give to outgoing connections (32768 and up on Linux). A port from
 * that range can be taken by any client's connection while its part is down, so the part couldn't come back on it; a client
 * that dials it meanwhile can even end up connected to itself.
 */
const RANDOM_FROM = 20_000;
const RANDOM_TO = 32_000;
const ATTEMPTS = 200;

/** Whether nobody listens there: neither on loopback nor on all interfaces, where partykit's server listens. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '0.0.0.0'));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host }, () => server.close(() => resolve(true)));
  });
}

/** Gives out free ports, none twice. */
export class PortPicker {
  readonly #given = new Set<number>();

  /** @throws {StackError} when there is none. */
  async random(): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const port = await this.#take(randomInt(RANDOM_FROM, RANDOM_TO));
      if (port !== null) return port;
    }
    throw new StackError(`no free port between ${RANDOM_FROM} and ${RANDOM_TO}`);
  }

  /**
   * @returns `preferred`, or the next free port above it.
   * @throws {StackError} when there is none.
   */
  async near(preferred: number): Promise<number> {
    for (let candidate = preferred; candidate < Math.min(preferred + ATTEMPTS, 65_536); candidate++) {
      const port = await this.#take(candidate);
      if (port !== null) return port;
    }
    throw new StackError(`no free port from ${preferred} on`);
  }

  /**
   * @param name the setting that asks for this port, for the error.
   * @throws {StackError} when it is taken.
   */
  async exactly(port: number, name: string): Promise<number> {
    if ((await this.#take(port)) === null) throw new StackError(`${name}=${port}: this port is taken`);
    return port;
  }

  async #take(port: number): Promise<number | null> {
    if (this.#given.has(port) || !(await isPortFree(port))) return null;
    this.#given.add(port);
    return port;
  }
}
