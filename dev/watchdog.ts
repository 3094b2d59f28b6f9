/**
 * Outlives the supervisor when that is killed, ends what it left behind, and removes its throwaway data. It
 * learns of the death by the end of its standard input: the process at the other end is gone. When no process
 * is left, there is nothing more to do.
 *
 * Arguments: the data folder, the supervisor's pid, and `throwaway` when the folder is one.
 */
import { closeDataFolder } from './data-folder.ts';
import { endLockedProcesses } from './lock.ts';

const [path, supervisorPid, kind] = process.argv.slice(2);
if (path === undefined || supervisorPid === undefined) {
  throw new Error('usage: watchdog.ts DATA_DIR SUPERVISOR_PID [throwaway]');
}

// A terminal that is closed or a service manager that stops everything must not end the one that cleans up.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

let word = '';
for await (const chunk of process.stdin.setEncoding('utf8')) word += chunk;
if (word !== 'done') {
  if (await endLockedProcesses(path, Number(supervisorPid))) {
    closeDataFolder({ path, isThrowaway: kind === 'throwaway' });
  }
}
