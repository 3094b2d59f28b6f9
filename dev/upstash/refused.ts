/**
 * Commands that can't work over REST, where each request stands alone and connections are shared:
 * subscriptions and monitors (they stream), blocking reads (they would hold the connection that all clients
 * share), connection state (it would leak into other requests), and what belongs to the server's operator.
 */
const REFUSED = new Set(
  [
    'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR',
    'BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF',
    'MULTI EXEC DISCARD WATCH UNWATCH AUTH HELLO SELECT SWAPDB MOVE QUIT RESET CLIENT READONLY READWRITE ASKING',
    'SYNC PSYNC REPLCONF REPLICAOF SLAVEOF FAILOVER CLUSTER MIGRATE SHUTDOWN DEBUG CONFIG MODULE SAVE BGSAVE BGREWRITEAOF',
  ].flatMap((line) => line.split(' ')),
);

/**
 * Why a command can't run over REST, or null when it can. `name` is in any case; `args` are what follows it.
 */
export function refusal(name: string, args: readonly (string | Buffer)[]): string | null {
  const command = name.toUpperCase();
  const blocks =
    (command === 'XREAD' || command === 'XREADGROUP') &&
    args.some((arg) => arg.toString().toUpperCase() === 'BLOCK');
  if (!blocks && !REFUSED.has(command)) return null;
  const subject = blocks ? `${command} with BLOCK` : command;
  return `ERR Command is not available: '${subject}'. It needs a connection of its own, which the REST API doesn't have.`;
}
