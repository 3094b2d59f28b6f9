/** Metrics for Prometheus, from one Redis command and no Postgres query. */
import { getMetrics } from '../../protocol/http/operation.ts';
import type { BufferStats } from '../../redis/session-buffer.ts';
import { withMetricsToken } from '../auth.ts';
import { briefCache } from '../brief-cache.ts';
import { type Metric, PROMETHEUS_CONTENT_TYPE, prometheusText } from '../prometheus.ts';
import { type Served, serve } from '../serve.ts';
import type { Services } from '../services.ts';

const KEEP_MS = 1_000;

const counter = (name: string, help: string, value: number): Metric => ({
  name,
  type: 'counter',
  help,
  value,
});
const gauge = (name: string, help: string, value: number): Metric => ({ name, type: 'gauge', help, value });

function metricsOf(stats: BufferStats): Metric[] {
  return [
    gauge('dirty_sessions', 'Sessions committed to the buffer and not yet in Postgres.', stats.dirtySessions),
    gauge(
      'oldest_dirty_age_seconds',
      'Age of the session that has been dirty the longest.',
      stats.oldestDirtyMs / 1000,
    ),
    gauge('sweeper_lease_seconds', "Remaining time of the sweeper's lease.", stats.sweeperLeaseMs / 1000),
    gauge('dead_letters', 'Dead letters that wait to be looked at.', stats.deadLetters),
    gauge('dead_letter_bytes', 'Their bytes; beyond 50 MB there is no room for more.', stats.deadLetterBytes),
    gauge('redis_full', '1 while Redis takes no more data.', stats.isFull ? 1 : 0),
    counter('commits_total', 'Group commits that the buffer took.', stats.commits),
    counter('edits_total', 'Edits that the buffer took.', stats.edits),
    counter('messages_total', 'Messages that the buffer took.', stats.messages),
    counter('flushes_total', 'Batches that were written to Postgres and settled.', stats.flushes),
    counter('flushed_sessions_total', 'Sessions written to Postgres.', stats.flushedSessions),
    counter('flushed_messages_total', 'Messages written to Postgres.', stats.flushedMessages),
    counter('flush_failures_total', 'Sweeps that a failing store cut short.', stats.flushFailures),
    counter('dead_lettered_total', 'Writes that went to the dead letters.', stats.deadLettered),
    counter(
      'dead_letters_refused_total',
      'Times that a dead letter found no room: what it stands for stays dirty.',
      stats.deadLettersRefused,
    ),
  ];
}

export function metricsRoute(): Served {
  const text = briefCache(
    async ({ buffer }: Services) => prometheusText(metricsOf(await buffer.stats())),
    KEEP_MS,
  );
  return serve(getMetrics, withMetricsToken, async ({ services, c }) =>
    c.body(await text(services), 200, { 'Content-Type': PROMETHEUS_CONTENT_TYPE }),
  );
}
