/** What every report begins with: which load, where, when. Pure. */
import type { LoadOptions } from '../options.ts';
import { figure } from '../report/table.ts';
import type { Machine } from '../result.ts';

export function headingOf(machine: Machine, load: LoadOptions | null): string {
  const where = `${machine.at} · ${machine.cores} × ${machine.processor} · Node ${machine.node} · load before ${machine.loadBefore.toFixed(2)}`;
  if (!load) return where;
  const { sessions, typists, viewers, ratePerS, seconds, codeBytes, chatPerS, edits } = load;
  const people = `${figure(sessions)} sessions, ${typists} typing${viewers > 0 ? ` and ${viewers} watching` : ''} in each`;
  return `${people} · ${figure(ratePerS)} edits a second each for ${seconds} s · edits as ${edits === 'changes' ? 'changes' : 'whole texts'} · ${figure(codeBytes)} bytes of code · ${chatPerS} chats a second and session\n\n${where}`;
}
