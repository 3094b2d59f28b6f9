/**
 * Everything that there is of an account, as one JSON text. It is read and sent page by page, so that an
 * account with a thousand sessions takes no more memory than one with ten.
 */
import type { Account, AccountRepository, ExportedMessage, ExportedSession } from '../domain/accounts.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import type { AccountExport } from '../protocol/http/accounts.ts';
import type { Services } from './services.ts';
import { accountJson, strudelJson } from './wire.ts';

/** Entries of a page: of sessions, which have 100 KB of code at most; of strudels, likewise; of messages. */
const SESSIONS = 20;
const STRUDELS = 20;
const MEMBERSHIPS = 100;
const MESSAGES = 500;
const MESSAGES_A_PIECE = 100;

type Ports = Pick<Services, 'strudels' | 'flusher'> & {
  accounts: Pick<AccountRepository, 'exportSessions' | 'exportMemberships' | 'exportMessages'>;
};

/**
 * The text in pieces, as `accountExport` describes it.
 * @throws {StorageUnavailableError} after some of them.
 */
export async function* exportAccount(
  account: Account,
  ports: Ports,
  nowMs: number,
): AsyncGenerator<string, void> {
  const head = {
    format: 'backbeat-account-1' as const,
    exported_at: new Date(nowMs).toISOString(),
    user: accountJson(account),
  } satisfies Partial<AccountExport>;
  yield `${JSON.stringify(head).slice(0, -1)},"sessions":[`;
  yield* withMessages(sessionsOf(account.id, ports), account.id, false, ports.accounts);
  yield '],"memberships":[';
  yield* withMessages(membershipsOf(account.id, ports), account.id, true, ports.accounts);
  yield '],"strudels":[';
  yield* strudelsOf(account.id, ports);
  // A download that breaks off is no JSON, and this isn't in it.
  yield '],"is_complete":true}\n';
}

/** A stream of UTF-8 that reads on only as fast as it is read. */
export function streamOf(pieces: AsyncGenerator<string, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return();
    },
  });
}

/** Which sessions' messages follow, and what stands before them. */
interface Entry {
  sessionId: string;
  json: object;
}

/**
 * Sessions, each with its messages in it.
 * @param isOwnOnly only what the account's user said.
 */
async function* withMessages(
  pages: AsyncGenerator<Entry[], void>,
  userId: string,
  isOwnOnly: boolean,
  accounts: Ports['accounts'],
): AsyncGenerator<string, void> {
  let comma = '';
  for await (const page of pages) {
    const ids = page.map(({ sessionId }) => sessionId);
    const messages = messagesOf(ids, (after) =>
      accounts.exportMessages(userId, ids, { after, limit: MESSAGES, isOwnOnly }),
    );
    let next = await messages.next();
    for (const { sessionId, json } of page) {
      let texts: string[] = [];
      yield `${comma}${JSON.stringify(json).slice(0, -1)},"messages":[`;
      for (let count = 0; !next.done && next.value.sessionId === sessionId; count++) {
        texts.push(`${count === 0 ? '' : ','}${JSON.stringify(messageJson(next.value))}`);
        next = await messages.next();
        if (texts.length < MESSAGES_A_PIECE) continue;
        yield texts.join('');
        texts = [];
      }
      yield `${texts.join('')}]}`;
      comma = ',';
    }
  }
}

async function* messagesOf(
  ids: readonly string[],
  read: (after: ExportedMessage | null) => Promise<{ messages: ExportedMessage[]; hasMore: boolean }>,
): AsyncGenerator<ExportedMessage, void> {
  if (ids.length === 0) return;
  let after: ExportedMessage | null = null;
  for (;;) {
    const page: Awaited<ReturnType<typeof read>> = await read(after);
    yield* page.messages;
    if (!page.hasMore) return;
    after = page.messages.at(-1) ?? null;
  }
}

/** The account's own sessions. What is only buffered yet is flushed before its page is read. */
async function* sessionsOf(userId: string, { accounts, flusher }: Ports): AsyncGenerator<Entry[], void> {
  for await (const page of pagesOf(SESSIONS, async (asked) => {
    const known = await accounts.exportSessions(userId, asked);
    await flusher.flushSessions(known.items.map(({ id }) => id));
    return accounts.exportSessions(userId, asked);
  })) {
    yield page.map((session) => ({ sessionId: session.id, json: sessionFields(session) }));
  }
}

async function* membershipsOf(userId: string, { accounts, flusher }: Ports): AsyncGenerator<Entry[], void> {
  const pages = pagesOf(MEMBERSHIPS, (asked) => accounts.exportMemberships(userId, asked));
  for await (const page of pages) {
    await flusher.flushSessions(page.map(({ sessionId }) => sessionId));
    yield page.map((membership) => ({
      sessionId: membership.sessionId,
      json: {
        session_id: membership.sessionId,
        title: membership.title,
        role: membership.role,
        display_name: membership.displayName,
        joined_at: iso(membership.joinedAtMs),
      },
    }));
  }
}

async function* strudelsOf(userId: string, { strudels }: Ports): AsyncGenerator<string, void> {
  let comma = '';
  for await (const page of pagesOf(STRUDELS, (asked) => strudels.list({ userId, ...asked }))) {
    for (const { strudel } of page) {
      // A list shows the newest turns of a conversation only.
      const whole = await strudels.get(strudel.id, userId);
      if (!whole) continue;
      yield `${comma}${JSON.stringify(strudelJson(whole))}`;
      comma = ',';
    }
  }
}

const iso = (ms: number) => new Date(ms).toISOString();

function sessionFields(session: ExportedSession) {
  return {
    id: session.id,
    title: session.title,
    code: session.code,
    is_active: session.isActive,
    is_discoverable: session.isDiscoverable,
    created_at: iso(session.createdAtMs),
    ...(session.endedAtMs === null ? {} : { ended_at: iso(session.endedAtMs) }),
    last_activity: iso(session.lastActivityMs),
  } satisfies Omit<AccountExport['sessions'][number], 'messages'>;
}

function messageJson(message: ExportedMessage) {
  return {
    id: message.id,
    role: message.role,
    type: message.type,
    display_name: message.displayName,
    is_own: message.isOwn,
    content: message.content,
    created_at: iso(message.createdAtMs),
  } satisfies AccountExport['sessions'][number]['messages'][number];
}

async function* pagesOf<T>(
  size: number,
  read: (page: PageRequest) => Promise<Page<T>>,
): AsyncGenerator<T[], void> {
  for (let offset = 0; ; ) {
    const { items, total } = await read({ limit: size, offset });
    if (items.length > 0) yield items;
    // Of large entries a page has fewer than were asked for.
    offset += items.length;
    if (items.length === 0 || offset >= total) return;
  }
}
