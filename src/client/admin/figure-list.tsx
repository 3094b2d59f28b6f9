/** The newest figures, one by one. */
import { bytes, duration, number } from './format.ts';
import { type Moment, pointsOf, ratesOf, type SystemStatus } from './series.ts';

interface FigureListProps {
  buffer: NonNullable<SystemStatus['buffer']>;
  moments: readonly Moment[];
}

export function FigureList({ buffer, moments }: FigureListProps) {
  const { totals } = buffer;
  const rate = ratesOf(pointsOf(moments, ({ flushed }) => flushed)).at(-1)?.value;
  const isSweeping = buffer.sweeper_lease_ms > 0;
  const figures: [name: string, id: string, value: string, detail: string][] = [
    [
      'Lag',
      'lag',
      buffer.dirty_sessions === 0 ? 'none' : duration(buffer.oldest_dirty_ms),
      'age of the oldest session that waits for Postgres',
    ],
    [
      'Dirty sessions',
      'dirty',
      number(buffer.dirty_sessions),
      isSweeping ? 'the sweeper is at work' : 'rooms flush their own',
    ],
    [
      'Flushed',
      'flushed',
      rate === undefined ? '–' : `${number(rate)} a minute`,
      `${number(totals.flushed_sessions)} sessions and ${number(totals.flushed_messages)} messages in ${number(totals.flushes)} batches so far`,
    ],
    [
      'Committed',
      'committed',
      number(totals.commits),
      `with ${number(totals.edits)} edits and ${number(totals.messages)} messages so far`,
    ],
    ['Failed sweeps', 'failures', number(totals.flush_failures), 'cut short by a store, so far'],
    [
      'Dead letters',
      'letters',
      number(buffer.dead_letters),
      `${bytes(buffer.dead_letter_bytes)}; ${number(totals.dead_letters_refused)} times there was no room for one`,
    ],
    ['Redis', 'redis', buffer.is_full ? 'full' : 'takes data', 'asked with each poll'],
  ];
  return (
    <section aria-labelledby="figures">
      <h2 id="figures">Now</h2>
      <dl class="figures">
        {figures.map(([name, id, value, detail]) => (
          <div key={id} data-testid={`figure-${id}`}>
            <dt>{name}</dt>
            <dd class="value">{value}</dd>
            <dd class="dim">{detail}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
