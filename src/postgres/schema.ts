/**
 * The Postgres schema: the single source that migrations are generated from (`npm run generate`).
 *
 * Constraints repeat the wire's limits as a last line of defence. What the room accepts always fits them;
 * anything that doesn't was not made by a room, and is refused here rather than stored.
 *
 * Indexes are ascending even where a list is newest first: Postgres reads them backwards, whereas the
 * generator's `DESC NULLS LAST` would not serve a plain `ORDER BY … DESC`.
 */
import { type SQL, sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  jsonb,
  type PgColumn,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { DEFAULT_TITLE, JOIN_METHODS, MESSAGE_ROLES, MESSAGE_TYPES, ROLES } from '../domain/types.ts';
import { MAX_PACKED_BYTES, VERSION_CAUSES } from '../domain/versions.ts';
import { MAX_CODE_BYTES, MAX_DISPLAY_NAME_CHARS, MAX_TITLE_CHARS } from '../protocol/limits.ts';

/** Owner of the sessions that anonymous people make. A migration inserts its row. */
export const SYSTEM_USER_ID = '00000000-0000-0000-0000-000000000000';

/** Milliseconds, not microseconds: what is written is then exactly what JavaScript reads back. */
const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** Revisions and positions stay below 2^53, so plain numbers hold them. */
const counter = (name: string) => bigint(name, { mode: 'number' });

/** Written and read as base64, by `decode` and `encode`. */
const bytes = customType<{ data: string }>({ dataType: () => 'bytea' });

const oneOf = (column: PgColumn, values: readonly string[]): SQL =>
  sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(', '))})`;

const atMostChars = (column: PgColumn, max: number): SQL =>
  sql`char_length(${column}) <= ${sql.raw(String(max))}`;

const atMostBytes = (column: PgColumn, max: number): SQL =>
  sql`octet_length(${column}) <= ${sql.raw(String(max))}`;

export const users = pgTable('users', {
  id: uuid('id').primaryKey(),
  /** The identity provider's `sub`; null for the system user. */
  subject: text('subject').unique('users_subject_unique'),
  /** With which provider they sign in; null: their tokens are of another service. */
  provider: text('provider'),
  name: text('name'),
  avatarUrl: text('avatar_url'),
  email: text('email'),
  /** They have set these themselves, so a provider doesn't change them. */
  hasOwnName: boolean('has_own_name').notNull().default(false),
  hasOwnAvatar: boolean('has_own_avatar').notNull().default(false),
  aiFeaturesEnabled: boolean('ai_features_enabled').notNull().default(true),
  trainingConsent: boolean('training_consent').notNull().default(false),
  /** Tokens of our own name it: a new one revokes all of them. */
  tokenEpoch: uuid('token_epoch').notNull().defaultRandom(),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
});

/**
 * Browsers that are signed in. Each has one refresh token, which changes with its use; of the newest and the
 * one before there is a hash here. Which browser a token is of stands in the token.
 */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    /** Of the browser, and of all its tokens. */
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    hash: text('hash').notNull(),
    previousHash: text('previous_hash'),
    rotatedAt: instant('rotated_at'),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    revokedAt: instant('revoked_at'),
  },
  (t) => [index('refresh_tokens_user_idx').on(t.userId), index('refresh_tokens_expires_idx').on(t.expiresAt)],
);

export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    title: text('title').notNull().default(DEFAULT_TITLE),
    /**
     * Deleting a user must not take other people's jams along, so sessions have to be given away or deleted
     * first.
     */
    hostUserId: uuid('host_user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'restrict' }),
    code: text('code').notNull().default(''),
    /** Never goes down. */
    codeRev: counter('code_rev').notNull().default(0),
    /** Which edits of which clients `code` contains. */
    receipts: jsonb('receipts').notNull().default({}),
    /** What plays, empty when nothing does: its code, and the rest as JSON; see `domain/transport.ts`. */
    transport: text('transport').notNull().default(''),
    playedCode: text('played_code').notNull().default(''),
    lastEditorId: uuid('last_editor_id').references(() => users.id, { onDelete: 'set null' }),
    /**
     * Of one that was made without an account: a hash of the network that it was made from. The public list
     * shows few of one network.
     */
    madeFrom: text('made_from'),
    isActive: boolean('is_active').notNull().default(true),
    isDiscoverable: boolean('is_discoverable').notNull().default(false),
    createdAt: instant('created_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
    lastActivity: instant('last_activity').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (t) => [
    check('sessions_title_length', atMostChars(t.title, MAX_TITLE_CHARS)),
    check('sessions_code_size', atMostBytes(t.code, MAX_CODE_BYTES)),
    check('sessions_code_rev_not_negative', sql`${t.codeRev} >= 0`),
    // No index holds a column that a flush changes (last_activity, updated_at, code_rev): each flush is then
    // a heap-only update, which writes no index entry at all.
    index('sessions_host_idx').on(t.hostUserId),
    index('sessions_active_idx').on(t.createdAt).where(sql`${t.isActive}`),
    index('sessions_ended_idx').on(t.endedAt).where(sql`not ${t.isActive}`),
    index('sessions_live_idx').on(t.createdAt).where(sql`${t.isActive} and ${t.isDiscoverable}`),
  ],
);

const INVITE_ROLES = ['co-author', 'viewer'] as const satisfies readonly (typeof ROLES)[number][];

export const inviteTokens = pgTable(
  'invite_tokens',
  {
    id: uuid('id').primaryKey(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    /** The secret of the link. */
    token: text('token').notNull().unique('invite_tokens_token_unique'),
    role: text('role', { enum: INVITE_ROLES }).notNull(),
    /** null: any number of times. */
    maxUses: integer('max_uses'),
    usesCount: integer('uses_count').notNull().default(0),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [
    index('invite_tokens_session_idx').on(t.sessionId),
    check('invite_tokens_role_known', oneOf(t.role, INVITE_ROLES)),
    check('invite_tokens_max_uses_positive', sql`${t.maxUses} > 0`),
    // Null max_uses makes this null, which a check lets pass.
    check('invite_tokens_uses_within_max', sql`${t.usesCount} >= 0 and ${t.usesCount} <= ${t.maxUses}`),
  ],
);

/** What every participant's row says of how they came in, and whether they may come back. */
const admissionColumns = {
  role: text('role', { enum: ROLES }).notNull(),
  joinMethod: text('join_method', { enum: JOIN_METHODS }).notNull().default('grant'),
  /** The invite they came in by, if they did. */
  inviteId: uuid('invite_id').references(() => inviteTokens.id, { onDelete: 'set null' }),
  joinedAt: instant('joined_at').notNull().defaultNow(),
  /** null: present, as far as the room has reported. New rows say that the participant isn't present yet. */
  leftAt: instant('left_at'),
  /** When the host removed them. */
  removedAt: instant('removed_at'),
};

export const sessionParticipants = pgTable(
  'session_participants',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    displayName: text('display_name').notNull(),
    ...admissionColumns,
  },
  (t) => [
    // Also the index of a session's participants.
    unique('session_participants_session_user_unique').on(t.sessionId, t.userId),
    index('session_participants_user_idx').on(t.userId),
    index('session_participants_invite_idx').on(t.inviteId).where(sql`${t.inviteId} is not null`),
    check('session_participants_join_method_known', oneOf(t.joinMethod, JOIN_METHODS)),
    check('session_participants_role_known', oneOf(t.role, ROLES)),
    check('session_participants_display_name_length', atMostChars(t.displayName, MAX_DISPLAY_NAME_CHARS)),
  ],
);

export const anonymousParticipants = pgTable(
  'anonymous_participants',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    displayName: text('display_name').notNull(),
    ...admissionColumns,
    /** Rows of people who can't come back are swept after this time. */
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [
    index('anonymous_participants_session_idx').on(t.sessionId),
    index('anonymous_participants_expires_idx').on(t.expiresAt),
    index('anonymous_participants_invite_idx').on(t.inviteId).where(sql`${t.inviteId} is not null`),
    check('anonymous_participants_join_method_known', oneOf(t.joinMethod, JOIN_METHODS)),
    check('anonymous_participants_role_known', oneOf(t.role, ROLES)),
    check('anonymous_participants_display_name_length', atMostChars(t.displayName, MAX_DISPLAY_NAME_CHARS)),
  ],
);

export const strudels = pgTable(
  'strudels',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    title: text('title').notNull(),
    code: text('code').notNull(),
    description: text('description'),
    tags: text('tags').array().notNull().default(sql`'{}'::text[]`),
    categories: text('categories').array().notNull().default(sql`'{}'::text[]`),
    license: text('license'),
    /** What its author allows machines to do with it, as a Creative Commons signal. */
    ccSignal: text('cc_signal'),
    /** The strudel it was made from. */
    forkedFrom: uuid('forked_from').references((): AnyPgColumn => strudels.id, { onDelete: 'set null' }),
    /** Of that strudel, as it was then: it may be deleted, and the credit stays. */
    parentTitle: text('parent_title'),
    parentAuthor: text('parent_author'),
    parentCcSignal: text('parent_cc_signal'),
    /** It said "no AI", itself or by what it was made from. */
    inheritsNoAi: boolean('inherits_no_ai').notNull().default(false),
    isPublic: boolean('is_public').notNull().default(false),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (t) => [
    check('strudels_title_length', atMostChars(t.title, MAX_TITLE_CHARS)),
    check('strudels_code_size', atMostBytes(t.code, MAX_CODE_BYTES)),
    index('strudels_user_idx').on(t.userId, t.updatedAt),
    index('strudels_public_idx').on(t.updatedAt).where(sql`${t.isPublic}`),
    // For the SET NULL of a deleted strudel.
    index('strudels_forked_from_idx').on(t.forkedFrom).where(sql`${t.forkedFrom} is not null`),
  ],
);

/** Who used a public strudel, and how often: one row a user, and one for all without an account. */
export const strudelUses = pgTable(
  'strudel_uses',
  {
    strudelId: uuid('strudel_id')
      .notNull()
      .references(() => strudels.id, { onDelete: 'cascade' }),
    /** The system user stands for all without an account. */
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    uses: integer('uses').notNull().default(1),
    lastUsedAt: instant('last_used_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'strudel_uses_pk', columns: [t.strudelId, t.userId] }),
    // For the CASCADE of a deleted user.
    index('strudel_uses_user_idx').on(t.userId),
  ],
);

export const sessionMessages = pgTable(
  'session_messages',
  {
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    /**
     * Made once, at the edge; unique within its session, so a client can't collide with another session's
     * message.
     */
    id: uuid('id').notNull(),
    messageType: text('message_type', { enum: MESSAGE_TYPES }).notNull(),
    role: text('role', { enum: MESSAGE_ROLES }).notNull(),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    displayName: text('display_name').notNull(),
    avatarUrl: text('avatar_url'),
    content: text('content').notNull(),
    isActionable: boolean('is_actionable').notNull().default(false),
    isCodeResponse: boolean('is_code_response').notNull().default(false),
    strudelId: uuid('strudel_id').references(() => strudels.id, { onDelete: 'set null' }),
    /** Time of the event, not of the write. */
    createdAt: instant('created_at').notNull(),
    /** Its place in the session's order. */
    position: counter('position').notNull(),
  },
  (t) => [
    // What makes a repeated flush harmless.
    primaryKey({ name: 'session_messages_pk', columns: [t.sessionId, t.id] }),
    index('session_messages_history_idx').on(t.sessionId, t.position, t.id),
    // For the SET NULL of a deleted user or strudel; anonymous chat isn't in them.
    index('session_messages_user_idx').on(t.userId).where(sql`${t.userId} is not null`),
    index('session_messages_strudel_idx').on(t.strudelId).where(sql`${t.strudelId} is not null`),
    check('session_messages_type_known', oneOf(t.messageType, MESSAGE_TYPES)),
    check('session_messages_role_known', oneOf(t.role, MESSAGE_ROLES)),
  ],
);

/** What a session's code was at some moments; see `domain/versions.ts`. */
export const sessionVersions = pgTable(
  'session_versions',
  {
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    /** Its message's position: made once, by the room. */
    number: counter('number').notNull(),
    rev: counter('rev').notNull(),
    cause: text('cause', { enum: VERSION_CAUSES }).notNull(),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    /** Null: the room didn't know any more. */
    displayName: text('display_name'),
    createdAt: instant('created_at').notNull(),
    /** Compressed. */
    code: bytes('code').notNull(),
  },
  (t) => [
    // What makes a repeated flush harmless, and the index of the list.
    primaryKey({ name: 'session_versions_pk', columns: [t.sessionId, t.number] }),
    // For the SET NULL of a deleted user.
    index('session_versions_user_idx').on(t.userId).where(sql`${t.userId} is not null`),
    check('session_versions_cause_known', oneOf(t.cause, VERSION_CAUSES)),
    check('session_versions_code_size', atMostBytes(t.code, MAX_PACKED_BYTES)),
  ],
);

export const strudelMessages = pgTable(
  'strudel_messages',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    strudelId: uuid('strudel_id')
      .notNull()
      .references(() => strudels.id, { onDelete: 'cascade' }),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    role: text('role', { enum: MESSAGE_ROLES }).notNull(),
    content: text('content').notNull(),
    isActionable: boolean('is_actionable').notNull().default(false),
    isCodeResponse: boolean('is_code_response').notNull().default(false),
    /** Of the assistant: a list of texts. */
    clarifyingQuestions: jsonb('clarifying_questions').$type<string[]>().notNull().default([]),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [
    index('strudel_messages_strudel_idx').on(t.strudelId, t.createdAt),
    index('strudel_messages_user_idx').on(t.userId).where(sql`${t.userId} is not null`),
    check('strudel_messages_role_known', oneOf(t.role, MESSAGE_ROLES)),
  ],
);
