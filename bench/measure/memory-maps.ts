/** What of the machine limits how many rooms one process can have. */
import { readFileSync } from 'node:fs';

/** The SQLite in which the local runtime keeps a room's storage takes some twenty memory maps. */
const MAPS_PER_ROOM = 20;
const FILE = '/proc/sys/vm/max_map_count';

/** What has to be set so that a process can have so many rooms; null where that isn't needed, or known. */
export function missingMaps(rooms: number): string | null {
  const limit = process.platform === 'linux' ? Number(readFileSync(FILE, 'utf8')) : Number.NaN;
  const needed = rooms * MAPS_PER_ROOM;
  if (!(limit < needed)) return null;
  return `${rooms} rooms take ${needed} memory maps of a process, and ${limit} is the limit: sysctl -w vm.max_map_count=1048576`;
}
