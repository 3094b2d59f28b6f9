/**
 * What one client's flood does to everybody else: acknowledgements are timed with and without it, in turns
 * within one run, so that whatever else the machine does falls on both.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { tsxArgs } from '../../dev/project.ts';
import { addressOf, type RawClient } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { startStack } from '../support/stack.ts';
import type { FloodOptions } from './flooder.ts';

/** How much of the others' p95 a flood may add. */
const MAX_RISE = 0.5;
const TURN_MS = 6_000;
/** Odd: what is compared are medians over the turns, so that no burst of other work decides. */
const TURNS = 5;
const EDITS_PER_S = 5;
const CODE_BYTES = 2_000;
const SAME_ROOM = 5;
const OTHER_ROOMS = 5;
const QUANTILE = 0.95;

/** Each a hundred times what one connection may. */
const FLOODS: Record<string, FloodOptions> = {
  edits: { kind: 'edits', bytes: CODE_BYTES, perS: 3_000 },
  pings: { kind: 'pings', bytes: 0, perS: 6_000 },
  garbage: { kind: 'garbage', bytes: 100_000, perS: 600 },
};

const reportSchema = z.object({
  sent: z.number(),
  opened: z.number(),
  closed: z.number(),
  refused: z.number(),
});

/** @returns whether the others hardly noticed. */
export async function flood(say: (line: string) => void): Promise<boolean> {
  const stack = await startStack({}, ['--redis=real', '--postgres=real']);
  // partykit attaches one, which keeps things in memory that production doesn't.
  const scene = new Scene(stack);
  try {
    const { id } = await scene.session();
    const others = await Promise.all(Array.from({ length: OTHER_ROOMS }, () => scene.session()));
    const typists = [
      ...(await Promise.all(Array.from({ length: SAME_ROOM }, () => scene.join(id, 'co-author')))),
      ...(await Promise.all(
        others.map((session) => scene.join(session.id, 'host', { token: session.token })),
      )),
    ];
    await timed(typists, TURN_MS);
    let isFine = true;
    for (const [name, options] of Object.entries(FLOODS)) {
      const quiet: number[][] = [];
      const flooded: number[][] = [];
      const total = { sent: 0, opened: 0, closed: 0, refused: 0 };
      const attacker = await startFlooder(options);
      for (let turn = 0; turn < TURNS; turn++) {
        quiet.push(await timed(typists, TURN_MS));
        // Somebody new each time: the last one is kept out.
        attacker.begin(socketAddress(stack.roomUrl, id, await scene.token(id, 'co-author')));
        flooded.push(await timed(typists, TURN_MS));
        const report = await attacker.stop();
        for (const key of ['sent', 'opened', 'closed', 'refused'] as const) total[key] += report[key];
      }
      attacker.end();
      const [without, during] = [median(quiet.map(p95)), median(flooded.map(p95))];
      const rise = during / without - 1;
      const isSmall = rise <= MAX_RISE;
      isFine &&= isSmall;
      say(
        `${isSmall ? 'ok  ' : 'FAIL'}  flood of ${name}: the others' ack p95 ${without.toFixed(1)} ms, ` +
          `during it ${during.toFixed(1)} ms (${(rise * 100).toFixed(0)} %); ${quiet.flat().length} and ${flooded.flat().length} edits in ${TURNS} turns each; ` +
          `flooder: ${JSON.stringify(total)}`,
      );
    }
    return isFine;
  } finally {
    await scene.end();
    await stack.stop();
  }
}

function socketAddress(roomUrl: string, sessionId: string, token: string): string {
  return addressOf({ roomUrl, sessionId, token, connectionId: randomUUID() }).href.replace(/^http/, 'ws');
}

/** Everybody types for a while; the times from edit to acknowledgement, in milliseconds. */
async function timed(typists: RawClient[], forMs: number): Promise<number[]> {
  const latencies: number[] = [];
  const endMs = Date.now() + forMs;
  await Promise.all(
    typists.map(async (typist, index) => {
      await delay((index * 1000) / EDITS_PER_S / typists.length);
      while (Date.now() < endMs) {
        const startMs = performance.now();
        await typist.edit(`// ${randomUUID()}`.padEnd(CODE_BYTES, '.'), randomUUID());
        const tookMs = performance.now() - startMs;
        latencies.push(tookMs);
        typist.received.length = 0;
        await delay(Math.max(0, 1000 / EDITS_PER_S - tookMs));
      }
    }),
  );
  return latencies;
}

async function startFlooder(options: FloodOptions) {
  const child = spawn(process.execPath, [...tsxArgs('test/attacks/flooder.ts'), JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return {
    begin: (url: string) => void child.send(url),
    async stop() {
      const report = once(child, 'message');
      child.send('stop');
      const [told] = await report;
      return reportSchema.parse(told);
    },
    end: () => void child.kill(),
  };
}

function p95(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * QUANTILE)] ?? Number.NaN;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
