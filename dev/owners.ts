/** Whose end is the stack's end too. */
import { listProcesses, type ProcessIdentity, type ProcessInfo } from './process-table.ts';

/** How far up npm is looked for: tsx, a shell, and npm are the usual three. */
const MAX_LEVELS = 6;
const PACKAGE_MANAGER = /(^|[\s/])(npm|npx|pnpm|yarn)(-cli\.js)?(\s|$)/;

/**
 * The processes between this one and the npm that runs it, npm included. npm passes SIGTERM on to its
 * shell only, and the shell to no process: without looking up, a program that stops `npm run dev` would
 * leave the stack behind.
 *
 * Without npm, a throwaway stack belongs to its parent, and one to keep to no process: it may be
 * left running on purpose.
 */
export function findOwners(
  isThrowaway: boolean,
  table: readonly ProcessInfo[] = listProcesses(),
  parentPid = process.ppid,
): ProcessIdentity[] {
  const ancestors: ProcessInfo[] = [];
  let pid = parentPid;
  while (ancestors.length < MAX_LEVELS) {
    const ancestor = table.find((info) => info.pid === pid);
    if (!ancestor || ancestor.pid <= 1) break;
    ancestors.push(ancestor);
    if (PACKAGE_MANAGER.test(ancestor.command)) return ancestors;
    pid = ancestor.parentPid;
  }
  return isThrowaway ? ancestors.slice(0, 1) : [];
}
