/** Routes for those who run the service: flushing, dead letters, health and metrics. */
import * as z from 'zod';
import { DEFAULT_DEAD_LETTERS, MAX_DEAD_LETTERS } from '../limits.ts';
import { route } from './route.ts';
import { instant, ofOne, uuid } from './shared.ts';

const tag = 'Operation';
/** It is the id of a letter: a session's, and a message's or a revision. */
const MAX_CURSOR_CHARS = 500;

export const flushSummary = z
  .object({
    sessions: z.number().int(),
    messages: z.number().int(),
    dead_letters: z.number().int(),
    undelivered: z.number().int().meta({
      description: 'dead letters that there was no room for: what they stand for stays dirty',
    }),
    busy: z.number().int().meta({ description: 'left dirty, as another transaction holds them' }),
    transactions: z.number().int(),
  })
  .meta({ id: 'FlushSummary' });

export const sessionFlush = flushSummary
  .extend({
    flushed_rev: z.number().int(),
    is_dirty: z.boolean(),
    last_commit: z.number().int().meta({
      description: 'number of the last commit that the buffer has: smaller than before, and it has lost some',
    }),
    is_complete: z.boolean().meta({ description: 'all that was dirty when it began has been dealt with' }),
  })
  .meta({ id: 'SessionFlush' });

export const deadLetter = z
  .looseObject({
    id: z.string(),
    session_id: z.string(),
    kind: z.enum(['code', 'message']),
    reason: z
      .object({ code: z.string(), message: z.string() })
      .meta({ description: '`code`: an SQLSTATE, `too_large`, `session_missing` or `malformed`' }),
    at: z.string().meta({ description: 'when it was put aside' }),
    data: z.string().meta({ description: 'what was buffered, as JSON text' }),
  })
  .meta({ id: 'DeadLetter' });

/** What there is so much of on one day: for all without an account together, `ai` for everybody. */
export const BUDGET_NAMES = ['sessions', 'entries', 'commits', 'ai_strangers', 'ai'] as const;

const bufferFigures = z
  .object({
    dirty_sessions: z.number().int(),
    oldest_dirty_ms: z.number().meta({ description: 'age of the session that has been dirty the longest' }),
    sweeper_lease_ms: z.number(),
    dead_letters: z.number().int(),
    dead_letter_bytes: z.number().int(),
    is_full: z.boolean().meta({ description: 'Redis takes no more data' }),
    totals: z
      .object({
        commits: z.number().int(),
        edits: z.number().int(),
        messages: z.number().int(),
        flushes: z.number().int(),
        flushed_sessions: z.number().int(),
        flushed_messages: z.number().int(),
        flush_failures: z.number().int(),
        dead_lettered: z.number().int(),
        dead_letters_refused: z.number().int(),
      })
      .meta({ description: 'counters since the buffer was made' }),
  })
  .meta({ id: 'BufferFigures' });

export const systemStatus = z
  .object({
    at: z.string(),
    buffer: bufferFigures.nullable().meta({ description: 'null while Redis is out of reach' }),
    budgets: z.array(
      z.object({
        name: z.enum(BUDGET_NAMES),
        used: z.number().int(),
        limit: z.number().int(),
        resets_at: z.string(),
      }),
    ),
    alerts: z
      .array(
        z.object({
          name: z.string(),
          level: z.enum(['warning', 'critical']),
          message: z.string(),
          since: z.string().nullable().meta({ description: 'null: no turn of the cron has seen it yet' }),
        }),
      )
      .meta({ description: 'what is wrong now, by the thresholds of the alerts' }),
  })
  .meta({ id: 'SystemStatus' });

export const systemSample = z
  .object({
    at: z.string(),
    dirty_sessions: z.number().int(),
    oldest_dirty_ms: z.number(),
    dead_letters: z.number().int().nullable(),
    flushed_sessions: z.number().int().nullable().meta({ description: 'since the buffer was made' }),
  })
  .meta({ id: 'SystemSample' });

const storeHealth = z.object({ ok: z.boolean(), latency_ms: z.number(), error: z.string().optional() });

export const flushAll = route({
  method: 'post',
  path: '/flush',
  tag,
  summary: 'Sweep: write everything dirty to Postgres',
  access: 'flush',
  reply: flushSummary,
});

export const flushSession = route({
  method: 'post',
  path: '/flush/{id}',
  tag,
  summary: 'Write one session to Postgres',
  access: 'flush',
  params: ofOne,
  reply: sessionFlush,
});

export const redirty = route({
  method: 'post',
  path: '/flush/redirty',
  tag,
  summary:
    'Mark sessions that Redis holds as dirty, clean ones too: after Postgres was restored from a backup',
  access: 'flush',
  query: z.object({
    cursor: z
      .string()
      .regex(/^\d{1,20}$/, 'is not a cursor')
      // Redis' are of 64 bits, and a greater one is an error there.
      .refine((text) => /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n, 'is not a cursor')
      .optional(),
  }),
  reply: z.object({
    marked: z.number().int(),
    next: z.string().nullable().meta({ description: '`cursor` of the next call; null at the end' }),
  }),
});

export const listDeadLetters = route({
  method: 'get',
  path: '/flush/dead',
  tag,
  summary: 'Dead letters: what Postgres refuses, with its reason',
  access: 'flush',
  query: z.object({
    limit: z.coerce.number<number>().int().min(1).max(MAX_DEAD_LETTERS).default(DEFAULT_DEAD_LETTERS),
    cursor: z.string().max(MAX_CURSOR_CHARS).optional(),
  }),
  reply: z.object({
    at: z.string().meta({ description: 'when they were read: `until` of a discard, after they were seen' }),
    letters: z.array(deadLetter),
    next: z.string().nullable().meta({ description: '`cursor` of the next page; null at the end' }),
  }),
});

export const replayDeadLetter = route({
  method: 'post',
  path: '/flush/dead/{letter_id}/replay',
  tag,
  summary: 'Try a dead letter again',
  access: 'flush',
  params: z.object({ letter_id: z.string() }),
  reply: z.object({ status: z.literal('replayed') }),
  errors: [404, 409],
});

const discarded = z
  .object({
    discarded: z.number().int(),
    bytes: z.number().int(),
    has_more: z.boolean().meta({ description: 'there are more of that session: ask again' }),
  })
  .meta({ id: 'DiscardedLetters' });

export const discardDeadLetter = route({
  method: 'delete',
  path: '/flush/dead/{letter_id}',
  tag,
  summary: 'Discard a dead letter: what it holds is gone for good, and so is the unreadable data it names',
  access: 'flush',
  params: z.object({ letter_id: z.string() }),
  reply: discarded,
  errors: [404],
});

export const discardDeadLetters = route({
  method: 'post',
  path: '/flush/dead/discard',
  tag,
  summary: 'Discard the dead letters of a session',
  access: 'flush',
  body: z.object({
    session_id: uuid,
    until: instant.meta({ description: 'what was put aside later stays: nobody has seen it' }),
  }),
  reply: discarded,
});

export const getSystemStatus = route({
  method: 'get',
  path: '/admin/status',
  tag,
  summary: 'What waits, what is used of each budget, and what is wrong; one Redis command, no Postgres query',
  access: 'flush',
  reply: systemStatus,
});

export const getSystemHistory = route({
  method: 'get',
  path: '/admin/history',
  tag,
  summary: 'The last day in steps of five minutes, as the sweeper saw it; asks no store',
  access: 'flush',
  reply: z.object({ samples: z.array(systemSample) }),
});

export const getLive = route({
  method: 'get',
  path: '/live',
  tag,
  summary: 'Whether the Worker runs; asks no store',
  access: 'public',
  reply: z.object({ status: z.literal('ok') }),
});

export const getHealth = route({
  method: 'get',
  path: '/health',
  tag,
  summary:
    'Whether Redis answers, and Postgres; 503 when one does not. Without the token of the metrics Postgres is not asked, and Redis once a minute',
  access: 'public',
  reply: z.object({
    status: z.enum(['ok', 'unavailable']),
    redis: storeHealth,
    postgres: storeHealth
      .optional()
      .meta({ description: 'only for callers with the token of the metrics, or the flush secret' }),
  }),
  errors: [401],
});

export const getMetrics = route({
  method: 'get',
  path: '/metrics',
  tag,
  summary: 'Metrics for Prometheus',
  access: 'watch',
  reply: z.string().meta({ description: 'Prometheus text' }),
});
