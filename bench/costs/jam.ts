/**
 * A jam's people, in a process whose clock runs as fast as the Worker's: each has the page's own session
 * client, types in bursts of half a minute, thinks, chats, and moves the cursor. Told all of it by one JSON
 * argument; ends when the jam does.
 */
import { WebSocket } from 'ws';
import { z } from 'zod';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import { until } from '../../src/client/sdk/until.ts';

const jamSchema = z.object({
  url: z.string(),
  sessionId: z.string(),
  tokens: z.array(z.string()),
  /** How long it lasts, in milliseconds of the fast clock. */
  lengthMs: z.number(),
  seed: z.number(),
});

/** A key each quarter of a second, for half a minute; then as long again for listening and thinking. */
const KEY_MS = 250;
const BURST_MS: [number, number] = [15_000, 45_000];
const PAUSE_MS: [number, number] = [20_000, 60_000];
/** One burst in so many begins with a message in the chat. */
const CHAT_EVERY = 4;
const PHRASES = ['bd sd hh*4 ', 'note("c e g") ', '.fast(2) ', '.room(.4) ', 's("hh*8") ', '.slow(3) '];
const LINE_CHARS = 60;

const jam = jamSchema.parse(JSON.parse(process.argv[2] ?? ''));
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function random(seed: number): (from: number, to: number) => number {
  let state = seed >>> 0;
  return (from, to) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return from + Math.floor((state / 2 ** 32) * (to - from));
  };
}

/** Plays one person's part. @returns keys typed and messages sent. */
async function play(token: string, index: number): Promise<{ keys: number; messages: number }> {
  const { url, sessionId, lengthMs, seed } = jam;
  const between = random(seed + index);
  const client = new SessionClient({ url, sessionId, token, WebSocket });
  await until(client, ({ connection }) => connection.state === 'open', 'a connection', 60_000);
  const endMs = Date.now() + lengthMs;
  let keys = 0;
  let messages = 0;
  for (let burst = 0; Date.now() < endMs; burst += 1) {
    if (burst % CHAT_EVERY === index % CHAT_EVERY) {
      client.chat(`let us try something slower, number ${burst}`);
      messages += 1;
    }
    const burstEndMs = Math.min(endMs, Date.now() + between(...BURST_MS));
    const phrase = PHRASES[between(0, PHRASES.length)] ?? '';
    for (let at = 0; Date.now() < burstEndMs; at += 1) {
      // Each has a line; what gets too long begins anew.
      const lines = client.snapshot.code.split('\n');
      while (lines.length < jam.tokens.length) lines.push('');
      const line = lines[index] ?? '';
      const col = line.length >= LINE_CHARS ? 0 : line.length;
      lines[index] = line.slice(0, col) + (phrase[at % phrase.length] ?? '');
      client.edit(lines.join('\n'), { cursorLine: index + 1, cursorCol: col + 1, source: 'typed' });
      const cursor = client.text.line(index + 1).from + col + 1;
      client.select(cursor, cursor);
      keys += 1;
      await sleep(KEY_MS);
    }
    await sleep(between(...PAUSE_MS));
  }
  await until(client, () => !client.hasUnacknowledged, 'the last acknowledgement', 60_000);
  client.close();
  return { keys, messages };
}

const played = await Promise.all(jam.tokens.map(play));
const sum = (of: (one: { keys: number; messages: number }) => number) =>
  played.reduce((total, one) => total + of(one), 0);
process.stdout.write(`${JSON.stringify({ keys: sum((p) => p.keys), messages: sum((p) => p.messages) })}\n`);
process.exit();
