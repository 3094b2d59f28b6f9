/**
 * Redis as it was a moment ago, as after a failover to a replica that lagged. Works on any engine,
 * while nobody else writes.
 */

type Command = (...args: string[]) => Promise<unknown>;

export interface Snapshot {
  /** The commands that make each key again, with its time to live. */
  readonly commands: readonly string[][];
}

export async function takeSnapshot(command: Command): Promise<Snapshot> {
  const commands: string[][] = [];
  for (const key of (await command('KEYS', '*')) as string[]) {
    commands.push(await makingAgain(key, command));
    const ttl = Number(await command('PTTL', key));
    if (ttl > 0) commands.push(['PEXPIRE', key, String(ttl)]);
  }
  return { commands };
}

export async function goBackTo(snapshot: Snapshot, command: Command): Promise<void> {
  await command('FLUSHALL');
  for (const args of snapshot.commands) await command(...args);
}

async function makingAgain(key: string, command: Command): Promise<string[]> {
  const type = await command('TYPE', key);
  switch (type) {
    case 'hash':
      return ['HSET', key, ...((await command('HGETALL', key)) as string[])];
    case 'zset': {
      const pairs = (await command('ZRANGE', key, '0', '-1', 'WITHSCORES')) as string[];
      // Members before their scores is how they are read, scores before their members how they are written.
      return ['ZADD', key, ...pairs.flatMap((score, i) => (i % 2 === 1 ? [score, pairs[i - 1] ?? ''] : []))];
    }
    case 'string':
      return ['SET', key, (await command('GET', key)) as string];
    default:
      throw new Error(`a key of type ${type}: ${key}`);
  }
}
