/** What of the machine limits how many rooms one process can have. */
import { readFileSync } from 'node:fs';

/** The SQLite in which the local runtime keeps a room's storage takes some twenty memory maps. */
const MAPS_PER_ROOM = 20;
const FILE = '/proc/sys/vm/max_map_count';
/**
 * A room with its client takes nine open files, and more while all come back at once: how many more is an
 * estimate.
 */
const FILES_PER_RETURNING_ROOM = 12;

/** What has to be set so that a process can have so many rooms; null where that isn't needed, or known. */
export function missingMaps(rooms: number): string | null {
  const limit = process.platform === 'linux' ? Number(readFileSync(FILE, 'utf8')) : Number.NaN;
  const needed = rooms * MAPS_PER_ROOM;
  if (!(limit < needed)) return null;
  return `${rooms} rooms take ${needed} memory maps of a process, and ${limit} is the limit: sysctl -w vm.max_map_count=1048576`;
}

/** As {@link missingMaps}, of open files, for rooms whose clients all come back at once. */
export function missingFiles(rooms: number): string | null {
  const limits = process.platform === 'linux' ? readFileSync('/proc/self/limits', 'utf8') : '';
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
  const needed = rooms * FILES_PER_RETURNING_ROOM;
  if (!(limit < needed)) return null;
  return `${rooms} rooms take ${needed} open files of a process, and ${limit} is the limit: ulimit -n ${needed}`;
}
