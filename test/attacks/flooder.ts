/**
 * One client that sends as fast as it is told, whatever the room says to it, and comes back at once when
 * it is closed. A process of its own, so that what it does costs those whose times are taken nothing but
 * what it costs the room.
 *
 *     flooder.ts '{"kind": …, "bytes": …, "perS": …}'
 *
 * It floods the address that a message names, until the message `stop`, which it answers with what it did.
 */
import { WebSocket } from 'ws';
import { z } from 'zod';

const TICK_MS = 10;
const RECONNECT_MS = 100;

export const floodSchema = z.object({
  /** `code_update` of so many bytes, a ping, or garbage of so many. */
  kind: z.enum(['edits', 'pings', 'garbage']),
  bytes: z.number().int(),
  perS: z.number(),
});
export type FloodOptions = z.infer<typeof floodSchema>;

const { kind, bytes, perS } = floodSchema.parse(JSON.parse(process.argv[2] ?? ''));
const report = { sent: 0, opened: 0, closed: 0, refused: 0 };
let socket: WebSocket | null = null;
let url: string | null = null;
let owed = 0;

/** Made once: what it costs to make them is not to be measured. */
const frames = Array.from({ length: 10 }, (_, index) => frame(index));

function frame(index: number): string {
  switch (kind) {
    case 'edits':
      return JSON.stringify({ type: 'code_update', payload: { code: `// ${index}`.padEnd(bytes, '.') } });
    case 'pings':
      return '{"type":"ping"}';
    case 'garbage':
      return `{"type":"code_update","payload":[${'1,'.repeat(bytes / 2)}${index}]}`;
  }
}

function open(): void {
  if (url === null) return;
  const next = new WebSocket(url);
  next.on('open', () => {
    report.opened += 1;
    socket = next;
  });
  next.on('unexpected-response', (_request, response) => {
    report.refused += 1;
    response.resume();
    next.terminate();
  });
  next.on('error', () => {});
  next.on('close', () => {
    report.closed += 1;
    if (socket === next) socket = null;
    setTimeout(open, RECONNECT_MS);
  });
}

function send(): void {
  if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > 16_000_000) return;
  for (owed += (perS * TICK_MS) / 1000; owed >= 1; owed--) {
    socket.send(frames[report.sent % frames.length] ?? '');
    report.sent += 1;
  }
}

process.on('message', (command) => {
  url = command === 'stop' ? null : z.url().parse(command);
  if (url !== null) {
    Object.assign(report, { sent: 0, opened: 0, closed: 0, refused: 0 });
    open();
    return;
  }
  socket?.terminate();
  process.send?.(report);
});
process.on('disconnect', () => process.exit());
setInterval(send, TICK_MS);
process.send?.(report);
