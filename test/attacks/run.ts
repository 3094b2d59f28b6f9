/**
 * `npm run test:attacks [-- flood idle deaf]`: floods, idle connections and connections that don't read,
 * measured on the real stack. Without names all of them. Needs Redis and Postgres installed, and Linux.
 */
import { deaf } from './deaf.ts';
import { flood } from './flood.ts';
import { idle } from './idle.ts';

const ATTACKS = { flood, deaf, idle };

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in ATTACKS));
if (unknown.length > 0) throw new Error(`no such attack: ${unknown.join(', ')}`);
for (const [name, attack] of Object.entries(ATTACKS)) {
  if (named.length > 0 && !named.includes(name)) continue;
  if (!(await attack((line) => console.log(line)))) process.exitCode = 1;
}
