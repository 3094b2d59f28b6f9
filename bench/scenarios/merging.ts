/** What it costs that several people type in one text and all of it is kept, here and elsewhere. */
import { loadavg } from 'node:os';
import type { Outcome } from '../merging/contender.ts';
import { type Entry, inTurns } from '../merging/turns.ts';
import type { BenchOptions, LoadOptions } from '../options.ts';
import { mergingPlots, systemsTable, waysTable } from '../report/merging.ts';
import { figure } from '../report/table.ts';
import { writeResults } from '../report/write.ts';
import { describeMachine, type Machine } from '../result.ts';
import type { Say } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';
import { hocuspocus } from '../targets/hocuspocus.ts';
import { yPartykit } from '../targets/y-partykit.ts';
import { installPeers } from '../targets/yjs.ts';
import { headingOf } from './heading.ts';

/** The others' turns are shorter, as they have no limit of edits a second: all go as fast as they may. */
const OUR_TURN_S = 3;
const THEIR_TURN_S = 1.5;

/** One who types and one who watches, whose edits are changes or whole texts. */
const WAY_SESSIONS = 6;
const WAY_RATE = 20;
const WAY_TURN_S = 1.5;
const WAY_EDITS = 240;
const SMALL_BYTES = 2_000;
const LARGE_BYTES = 100_000;
/** Flushes come by time, not by edit: there are none here, as they would hide the difference. */
const WAY_ENV = { FLUSH_ALARM_MS: '60000' };

interface MergingResult {
  machine: Machine;
  editsInARoom: number;
  systems: Outcome[];
  ways: Outcome[];
}

export async function mergingScenario(
  { load, outDir, name }: BenchOptions,
  edits: number,
  say: Say,
): Promise<string[]> {
  installPeers(say);
  const machine = describeMachine(loadavg()[0] ?? 0);
  const systems = await inTurns(entriesOf(load), edits, say);
  const ways = await inTurns(waysOf(load), Math.min(edits, WAY_EDITS), say);
  const result: MergingResult = { machine, editsInARoom: edits, systems, ways };
  const markdown = [
    headingOf(machine, null),
    `${figure(load.sessions)} rooms, ${load.typists} typing in each, each in a line of their own; ${figure(edits)} edits in each room, a key each, ${figure(load.ratePerS)} a second and person (the others twice as many)`,
    systemsTable(systems),
    `One who types and one who watches in each of ${WAY_SESSIONS} rooms; ${WAY_RATE} edits a second`,
    waysTable(ways),
  ].join('\n\n');
  process.stdout.write(`\n${markdown}\n\n`);
  return writeResults(outDir, name, { json: result, markdown, plots: mergingPlots(systems) });
}

function entriesOf(load: LoadOptions): Entry[] {
  const theirs = { ...load, seconds: THEIR_TURN_S, ratePerS: load.ratePerS * (OUR_TURN_S / THEIR_TURN_S) };
  return [
    { target: backbeat, load: { ...load, seconds: OUR_TURN_S } },
    { target: hocuspocus, load: theirs },
    { target: yPartykit, load: theirs },
  ];
}

function waysOf(load: LoadOptions): Entry[] {
  const way = (edits: LoadOptions['edits'], codeBytes: number): Entry => ({
    target: backbeat,
    env: WAY_ENV,
    load: {
      ...load,
      ...{ edits, codeBytes, sessions: WAY_SESSIONS, typists: 1, viewers: 1 },
      ...{ ratePerS: WAY_RATE, seconds: WAY_TURN_S },
    },
  });
  return [
    way('changes', SMALL_BYTES),
    way('whole', SMALL_BYTES),
    way('changes', LARGE_BYTES),
    way('whole', LARGE_BYTES),
  ];
}
