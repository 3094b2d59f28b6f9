/** Everything that the stores of a running stack hold, to be compared before and after. */
import type { Scene } from './session.ts';

/** What changes by itself: who is present, and counters of attempts. */
const PRESENCE = ['left_at', 'expires_at'];
const COUNTERS = /^(?:invites|secrets|strangers|knocks|ai|active|last_scan|sweep)/;

/** Postgres' rows and Redis' values, as text. */
export async function contentsOf(scene: Scene): Promise<string> {
  const tables = await scene.rows<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public' order by 1",
  );
  const rows = await Promise.all(
    tables.map(({ name }) =>
      scene.rows<{ row: string }>(
        `select (to_jsonb(t) - $1::text[])::text as row from "${name}" t order by 1`,
        [PRESENCE],
      ),
    ),
  );
  const prefix = scene.key('');
  const keys = (await scene.redis('KEYS', `${prefix}*`)) as string[];
  const kept = keys.filter((key) => !COUNTERS.test(key.slice(prefix.length))).sort();
  const values = await Promise.all(kept.map((key) => readValue(scene, key)));
  return [
    ...tables.map(({ name }, index) => [name, ...(rows[index] ?? []).map(({ row }) => row)].join('\n')),
    ...kept.map((key, index) => `${key} ${values[index]}`),
  ].join('\n');
}

async function readValue(scene: Scene, key: string): Promise<string> {
  const type = await scene.redis('TYPE', key);
  switch (type) {
    case 'hash': {
      const flat = (await scene.redis('HGETALL', key)) as string[];
      const pairs = flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []));
      return JSON.stringify(pairs.sort());
    }
    case 'zset':
      return JSON.stringify(await scene.redis('ZRANGE', key, '0', '-1', 'WITHSCORES'));
    default:
      return JSON.stringify(await scene.redis('GET', key));
  }
}
