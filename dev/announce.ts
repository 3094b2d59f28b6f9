/** What a person reads when the stack is ready. */
import { relative } from 'node:path';
import type { StackAddresses, StackEngines } from './stack.ts';

/** One short block; each line starts with what it is. */
export function readyBlock(addresses: StackAddresses, engines: StackEngines): string {
  const data = relative(process.cwd(), addresses.dataDir);
  const rows: [string, string][] = [
    ['open', `${addresses.url}/`],
    ...(addresses.pids.signIn === null
      ? []
      : ([['sign-in', 'a stand-in: anybody can be anybody, on this machine only']] as [string, string][])),
    ['database', addresses.databaseUrl],
    ['data', data === '' || data.startsWith('..') ? addresses.dataDir : data],
    ['engines', `Redis: ${engines.redis}; Postgres: ${engines.postgres}`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(10)}${value}`);
  return `\n${['Backbeat is ready; Ctrl-C stops it.', ...lines].join('\n')}\n\n`;
}
