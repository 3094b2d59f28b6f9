/** The installed Redis or Valkey, its append-only file on. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { ManagedProcess } from '../managed-process.ts';
import { type PartSpec, pollUntil } from '../part.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];

/** The server's program, or null where none is installed. */
export function findRedisServer(path = process.env.PATH ?? ''): string | null {
  for (const program of PROGRAMS) {
    for (const folder of path.split(delimiter)) {
      const file = join(folder, program);
      if (folder !== '' && isExecutable(file)) return file;
    }
  }
  return null;
}

export function redisPart(options: {
  program: string;
  port: number;
  dataDir: string;
  env: Record<string, string>;
}): PartSpec {
  const { program, port, env } = options;
  const folder = join(options.dataDir, 'redis');
  return {
    name: 'redis',
    spawn(onLine) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const settings: [string, string][] = [
        ['port', String(port)],
        ['bind', '127.0.0.1'],
        ['dir', folder],
        ['appendonly', 'yes'],
        // Everything is handed to the kernel before it is answered, so that a kill loses nothing. `everysec`
        // would let answers go out up to 2 s before that, while the disk is busy. The kernel writes it out
        // when it likes: a power cut may lose half a minute.
        ['appendfsync', 'no'],
        // The append-only file holds everything; snapshots would only cost time.
        ['save', ''],
        // Unflushed sessions live here: refusing writes is right, forgetting some is not.
        ['maxmemory-policy', 'noeviction'],
        ['daemonize', 'no'],
      ];
      const args = settings.flatMap(([name, value]) => [`--${name}`, value]);
      return ManagedProcess.spawn({ file: program, args, cwd: folder, env }, onLine);
    },
    // Until its file is loaded it answers a ping with an error.
    waitUntilReady: ({ signal }) => pollUntil(signal, async () => (await ping(port)) === '+PONG'),
    readyTimeoutMs: 30_000,
    stop: { signal: 'SIGTERM', target: 'leader', graceMs: 3_000 },
    isShown: false,
  };
}

const PING_TIMEOUT_MS = 1_000;

function ping(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(PING_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(data.toString().trim());
      socket.destroy();
    });
  });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
