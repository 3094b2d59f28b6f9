/** The newest figures, one by one. */
import { bytes, counted, duration, number } from './format.ts';
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
      `${counted(totals.flushed_sessions, 'session')} and ${counted(totals.flushed_messages, 'message')} so far`,
    ],
    [
      'Committed',
      'committed',
      number(totals.commits),
      `with ${counted(totals.edits, 'edit')} and ${counted(totals.messages, 'message')} so far`,
    ],
    ['Failed sweeps', 'failures', number(totals.flush_failures), 'cut short by a store, so far'],
    [
      'Dead letters',
      'letters',
      number(buffer.dead_letters),
      `${bytes(buffer.dead_letter_bytes)}; there was no room for one ${counted(totals.dead_letters_refused, 'time')}`,
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
