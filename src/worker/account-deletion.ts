/**
 * Deletes an account. What it has made goes: its sessions end in their rooms, then they are deleted in both
 * stores. In other people's sessions what it said stays, without its name. At last its row goes, and with it
 * its strudels and the browsers that are signed in.
 *
 * A free Workers plan allows 50 requests an invocation, and each session takes some: the caller repeats the
 * request until nothing remains. Each step may be repeated, so one that fails half way loses nothing.
 */
import type { AccountRepository } from '../domain/accounts.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { Services } from './services.ts';

/** Sessions that one request deals with: of the account, of others. Each takes three requests at most. */
const OWN_SESSIONS = 8;
const OTHERS_SESSIONS = 10;
const REASON = 'the host has deleted their account';

type Ports = Pick<Services, 'directory' | 'repository' | 'room' | 'flusher' | 'buffer'> & {
  accounts: Pick<AccountRepository, 'ownSessions' | 'othersSessions' | 'forgetIn' | 'delete'>;
};

/**
 * @returns how many sessions are still to be dealt with; 0: the account is deleted.
 * @throws {StorageUnavailableError} and {RoomUnavailableError}: to be repeated.
 */
export async function deleteAccount(userId: string, ports: Ports): Promise<number> {
  const own = await ports.accounts.ownSessions(userId, OWN_SESSIONS);
  if (own.total > 0) {
    await deleteSessions(
      own.sessions.map(({ id }) => id),
      ports,
    );
    const { total } = await ports.accounts.othersSessions(userId, 1);
    const left = own.total - own.sessions.length + total;
    return left > 0 ? left : finish(userId, ports);
  }
  const others = await ports.accounts.othersSessions(userId, OTHERS_SESSIONS);
  await forgetIn(userId, others.sessions, ports);
  const left = others.total - others.sessions.length;
  return left > 0 ? left : finish(userId, ports);
}

async function finish(userId: string, { accounts }: Ports): Promise<number> {
  // A session that was made meanwhile keeps the account.
  return (await accounts.delete(userId)) ? 0 : (await accounts.ownSessions(userId, 1)).total;
}

async function deleteSessions(ids: readonly string[], ports: Ports): Promise<void> {
  const { directory, repository, room, buffer } = ports;
  for (const id of ids) {
    await directory.end(id);
    // The room writes nothing after this.
    await room.sendCommand(id, { kind: 'ended', reason: REASON });
  }
  await Promise.all(ids.map((id) => repository.deleteSession(id)));
  await buffer.forget(ids);
  for (const id of ids) await room.sendCommand(id, { kind: 'deleted' });
}

async function forgetIn(
  userId: string,
  sessions: Awaited<ReturnType<AccountRepository['othersSessions']>>['sessions'],
  { accounts, room, flusher }: Ports,
): Promise<void> {
  if (sessions.length === 0) return;
  const ids = sessions.map(({ id }) => id);
  for (const { id, isActive, participantIds, displayNames } of sessions) {
    // A room whose session has ended has no connections, and nothing in memory that anyone is shown.
    if (!isActive) continue;
    await room.sendCommand(id, {
      kind: 'account_deleted',
      user_id: userId,
      participant_ids: participantIds,
      display_names: displayNames,
    });
  }
  const clean = new Set(await flusher.flushSessions(ids));
  if (!ids.every((id) => clean.has(id))) {
    // The names in it would come to Postgres after they were taken out there.
    throw new StorageUnavailableError('redis', 'some of what was said is not in Postgres yet');
  }
  await accounts.forgetIn(userId, ids);
}
