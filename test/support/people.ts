/** Users, invites and standings of a running stack, in one line each. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { signSessionToken } from '../../src/access/session-token.ts';
import type { JoinMethod, Role } from '../../src/domain/types.ts';
import type { Scene } from './session.ts';

interface Addresses {
  workerUrl: string;
  jwtSecret: string;
}

export interface User {
  id: string;
  name: string;
  /** A token of the identity provider's. */
  token: string;
}

export interface Place {
  participantId: string;
  /** A session token. */
  token: string;
}

export class People {
  readonly #stack: Addresses;
  readonly #scene: Scene;

  constructor(stack: Addresses, scene: Scene) {
    this.#stack = stack;
    this.#scene = scene;
  }

  /** Somebody who can sign in. @param expiresInS negative: the token has expired. */
  async user(name: string, expiresInS = 3_600): Promise<User> {
    const id = randomUUID();
    const subject = `subject-${id}`;
    await this.#scene.sql('insert into users (id, subject, name) values ($1, $2, $3)', [id, subject, name]);
    const token = await new SignJWT({ name })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(subject)
      .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInS)
      .sign(new TextEncoder().encode(this.#stack.jwtSecret));
    return { id, name, token };
  }

  /** A session of somebody's, or of the system user's. */
  async session(over: { host?: User; code?: string; isDiscoverable?: boolean } = {}): Promise<string> {
    const id = randomUUID();
    await this.#scene.sql(
      `insert into sessions (id, title, code, host_user_id, is_discoverable)
       values ($1, 'Test', $2, coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid), $4)`,
      [id, over.code ?? '', over.host?.id ?? null, over.isDiscoverable ?? false],
    );
    return id;
  }

  /** A place in a session, of a user or of somebody anonymous, who isn't there now. */
  async place(
    sessionId: string,
    role: Role,
    over: { user?: User; joinMethod?: JoinMethod; inviteId?: string; expiresInS?: number } = {},
  ): Promise<Place> {
    const participantId = randomUUID();
    const { user, joinMethod = 'grant', inviteId = null } = over;
    const displayName = user?.name ?? role;
    if (user) {
      await this.#scene.sql(
        `insert into session_participants (id, session_id, user_id, display_name, role, join_method, invite_id, left_at)
         values ($1, $2, $3, $4, $5, $6, $7, now())`,
        [participantId, sessionId, user.id, displayName, role, joinMethod, inviteId],
      );
    } else {
      await this.#scene.sql(
        `insert into anonymous_participants (id, session_id, display_name, role, join_method, invite_id, left_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, now(), now() + make_interval(secs => $7))`,
        [participantId, sessionId, displayName, role, joinMethod, inviteId, over.expiresInS ?? 3_600],
      );
    }
    const access = { sessionId, participantId, role, displayName, joinMethod, inviteId, avatarUrl: null };
    const token = await signSessionToken({ ...access, userId: user?.id ?? null }, this.#stack.jwtSecret);
    return { participantId, token };
  }

  async invite(
    sessionId: string,
    role: Exclude<Role, 'host'>,
    over: { maxUses?: number; uses?: number; expiresInS?: number; isRevoked?: boolean } = {},
  ): Promise<{ id: string; token: string }> {
    const id = randomUUID();
    const token = `invite-${id}`;
    await this.#scene.sql(
      `insert into invite_tokens (id, session_id, token, role, max_uses, uses_count, expires_at, revoked_at)
       values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), case when $8 then now() end)`,
      [
        id,
        sessionId,
        token,
        role,
        over.maxUses ?? null,
        over.uses ?? 0,
        over.expiresInS ?? 3_600,
        over.isRevoked ?? false,
      ],
    );
    return { id, token };
  }

  async usesOf(invite: { id: string }): Promise<number> {
    const rows = await this.#scene.rows<{ uses_count: number }>(
      'select uses_count from invite_tokens where id = $1',
      [invite.id],
    );
    return rows[0]?.uses_count ?? -1;
  }

  /** What Postgres says when the host has sent somebody away. The room isn't told by this. */
  async remove({ participantId }: Place): Promise<void> {
    for (const table of ['session_participants', 'anonymous_participants']) {
      await this.#scene.sql(`update ${table} set removed_at = now() where id = $1`, [participantId]);
    }
  }

  /** What Postgres says of a session that has ended. The room isn't told by this. */
  async end(sessionId: string): Promise<void> {
    await this.#scene.sql('update sessions set is_active = false, ended_at = now() where id = $1', [
      sessionId,
    ]);
  }

  /** Who is here, by the books. */
  async present(sessionId: string): Promise<string[]> {
    const rows = await this.#scene.rows<{ id: string }>(
      `select id from session_participants where session_id = $1 and left_at is null
       union all select id from anonymous_participants where session_id = $1 and left_at is null`,
      [sessionId],
    );
    return rows.map(({ id }) => id).sort();
  }

  /**
   * A request of somebody's to a session's API, which also tells its room.
   * @param path below `/api/v1/sessions/`.
   */
  async ask(
    { token }: { token: string },
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: unknown }> {
    const response = await fetch(new URL(`/api/v1/sessions/${path}`, this.#stack.workerUrl), {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  /** As `ask`, of somebody who may. @throws when it is refused. */
  async act(by: { token: string }, method: string, path: string, body?: object): Promise<unknown> {
    const reply = await this.ask(by, method, path, body);
    if (reply.status >= 300)
      throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }
}
