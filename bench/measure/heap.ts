/** What a server keeps in its JavaScript heap, by V8's inspector: a process' memory shows garbage, too. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { listProcesses } from '../../dev/process-table.ts';

const TIMEOUT_MS = 20_000;
/** Miniflare's name of the isolate that runs the Worker and its rooms. */
const ISOLATE = /^core:user:/;

const isolatesSchema = z.array(z.object({ id: z.string(), webSocketDebuggerUrl: z.string() }));
const answerSchema = z.object({
  id: z.number().optional(),
  result: z.object({ usedSize: z.number(), backingStorageSize: z.number().default(0) }).optional(),
  error: z.object({ message: z.string() }).optional(),
});
/** What is freed by finalizers is collected only the next time. */
const COLLECTIONS = 3;
const USAGE_ID = COLLECTIONS;

/** Where the inspector of a `workerd` listens, from its command line. @throws it has none. */
export async function workerdInspector(pid: number): Promise<string> {
  const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const address = args.flatMap((arg) => /^--inspector-addr=(.+)$/.exec(arg)?.[1] ?? [])[0];
  if (address === undefined) throw new Error(`process ${pid} has no inspector`);
  const isolates = isolatesSchema.parse(await (await fetch(`http://${address}/json`)).json());
  const rooms = isolates.find(({ id }) => ISOLATE.test(id));
  if (!rooms) throw new Error(`process ${pid} has no isolate for a Worker`);
  return rooms.webSocketDebuggerUrl;
}

/**
 * The same where `partykit dev` runs it, which keeps the only session of the inspector for itself and passes
 * on what is said at a port of its own.
 * @throws it isn't there.
 */
export async function partykitInspector(workerdPid: number): Promise<string> {
  const partykit = listProcesses().find(({ pid }) => pid === workerdPid)?.parentPid ?? 0;
  for (const port of listeningPorts(partykit)) {
    const response = await fetch(`http://127.0.0.1:${port}/json`).catch(() => null);
    const [proxy] = isolatesSchema.safeParse(await response?.json().catch(() => null)).data ?? [];
    if (proxy) return proxy.webSocketDebuggerUrl;
  }
  throw new Error(`process ${partykit} has no inspector`);
}

function listeningPorts(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  const sockets = new Set(
    readdirSync(folder).flatMap(
      (fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? [],
    ),
  );
  const tables = ['tcp', 'tcp6'].map((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8'));
  return tables
    .join('\n')
    .split('\n')
    .flatMap((line) => {
      const [, local, , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const isListening = state === '0A' && sockets.has(inode);
      return isListening ? Number.parseInt(local?.split(':')[1] ?? '', 16) : [];
    });
}

/** Collects garbage, and returns what is left, with the memory behind array buffers. */
export async function heapBytes(inspectorUrl: string): Promise<number> {
  const socket = new WebSocket(inspectorUrl);
  try {
    return await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the inspector did not answer')), TIMEOUT_MS);
      socket.on('error', reject);
      socket.on('open', () => {
        for (let id = 0; id < COLLECTIONS; id++) {
          socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
        }
        socket.send(JSON.stringify({ id: USAGE_ID, method: 'Runtime.getHeapUsage' }));
      });
      socket.on('message', (data) => {
        const { id, result, error } = answerSchema.safeParse(JSON.parse(String(data))).data ?? {};
        if (error) reject(new Error(error.message));
        if (id !== USAGE_ID || !result) return;
        clearTimeout(timer);
        resolve(result.usedSize + result.backingStorageSize);
      });
    });
  } finally {
    socket.close();
  }
}
