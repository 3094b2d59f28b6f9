/** Picks TCP ports. */
import { randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { StackError } from './errors.ts';
import { createExclusive, readExclusive, removeStale } from './exclusive-file.ts';
import { identify, identitySchema, isAlive } from './process-table.ts';

/**
 * Random ports come from below the range that systems give to outgoing connections (32768 and up on Linux). A
 * port from that range can be taken by any client's connection while its part is down, so the part couldn't
 * come back on it; a client that dials it meanwhile can even end up connected to itself.
 */
const RANDOM_FROM = 20_000;
const RANDOM_TO = 32_000;
const ATTEMPTS = 200;

/** A file for each port that was given out, by all processes of this user. */
const RESERVED = join(tmpdir(), `backbeat-ports-${userInfo().uid}`);

/**
 * Whether the port is free there: neither on loopback nor on all interfaces, where partykit's server listens.
 */
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

/**
 * A free port, and this process's as long as it lives: no other one is given it. Between a port's being
 * picked and its being listened on it is free for all to see, and not everything that finds its port taken
 * says so: partykit serves on, and who asks gets answers from another stack.
 * @throws {StackError} when there is none.
 */
export async function randomPort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(RANDOM_FROM, RANDOM_TO);
    if (await take(port)) return port;
  }
  throw new StackError(`no free port between ${RANDOM_FROM} and ${RANDOM_TO}`);
}

/**
 * The same, but `preferred` or the next free one above it.
 * @throws {StackError} when there is none.
 */
export async function portNear(preferred: number): Promise<number> {
  for (let port = preferred; port < Math.min(preferred + ATTEMPTS, 65_536); port++) {
    if (await take(port)) return port;
  }
  throw new StackError(`no free port from ${preferred} on`);
}

/**
 * The same, but no other one.
 * @param name the setting that asks for this port, for the error.
 * @throws {StackError} when it is taken.
 */
export async function exactPort(port: number, name: string): Promise<number> {
  if (!(await take(port))) throw new StackError(`${name}=${port}: this port is taken`);
  return port;
}

async function take(port: number): Promise<boolean> {
  if (!reserve(port)) return false;
  if (await isPortFree(port)) return true;
  giveBack(port);
  return false;
}

const reserved = new Set<number>();
const pathOf = (port: number) => join(RESERVED, String(port));

/** False when the port is reserved already, for this process or another one that lives. */
function reserve(port: number): boolean {
  const self = identify(process.pid);
  if (self === null) throw new StackError('this process is not in the process table');
  const path = pathOf(port);
  openReservations();
  if (!createExclusive(path, self) && !(removeIfStale(path) && createExclusive(path, self))) return false;
  reserved.add(port);
  return true;
}

let isOpen = false;

/** The first time, what processes that were killed have left goes. */
function openReservations(): void {
  if (isOpen) return;
  isOpen = true;
  mkdirSync(RESERVED, { recursive: true, mode: 0o700 });
  // Other names are files that are being written.
  for (const name of readdirSync(RESERVED)) if (/^\d+$/.test(name)) removeIfStale(join(RESERVED, name));
  process.once('exit', () => reserved.forEach(giveBack));
}

/** False when the process that has it lives. */
function removeIfStale(path: string): boolean {
  const owner = (at: string) => readExclusive(at, identitySchema);
  const other = owner(path);
  if (other && isAlive(other)) return false;
  removeStale(path, owner, other);
  return true;
}

function giveBack(port: number): void {
  reserved.delete(port);
  rmSync(pathOf(port), { force: true });
}
