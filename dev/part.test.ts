/** How the local stack deals with a part that doesn't come up. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManagedProcess } from './managed-process.ts';
import { type Output, PartLog } from './output.ts';
import { Part } from './part.ts';

let folder: string;
let part: Part;
let spawned: ManagedProcess[];
let notes: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backbeat-part-'));
  mkdirSync(join(folder, 'logs'));
  spawned = [];
  notes = [];
});
afterEach(async () => {
  await part.close('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** A process that does nothing, and answers from its `answersAt`-th start on. */
function makePart(answersAt: number): Part {
  const output = { note: (text: string) => notes.push(text), partLine: () => {} } as unknown as Output;
  return new Part(
    {
      name: 'worker',
      spawn(onLine) {
        const args = ['-e', 'setInterval(() => {}, 1e6)'];
        const process = ManagedProcess.spawn(
          { file: globalThis.process.execPath, args, cwd: folder, env: {} },
          onLine,
        );
        spawned.push(process);
        return process;
      },
      waitUntilReady: () => (spawned.length >= answersAt ? Promise.resolve() : new Promise(() => {})),
      readyTimeoutMs: 20,
      stop: { signal: 'SIGKILL', target: 'tree', graceMs: 0 },
      isShown: false,
    },
    new PartLog(folder, 'worker'),
    output,
    () => {},
  );
}

describe('a part that hangs as it starts', () => {
  it('is ended and started once more', async () => {
    part = makePart(2);
    await part.start();
    expect(part.info).toMatchObject({ state: 'up', pid: spawned[1]!.pid });
    expect(spawned).toHaveLength(2);
    expect(spawned[0]!.hasExited).toBe(true);
    expect(notes).toEqual([expect.stringContaining('it is started once more')]);
  });

  it('and fails when it hangs again', async () => {
    part = makePart(3);
    await expect(part.start()).rejects.toThrow('worker was not ready within 0.02 s');
    expect(spawned).toHaveLength(2);
    expect(spawned[1]!.hasExited).toBe(true);
  });
});
