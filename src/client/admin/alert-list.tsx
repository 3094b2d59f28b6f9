/** What is wrong now. */
import type { SystemStatus } from './series.ts';

export function AlertList({ alerts }: { alerts: SystemStatus['alerts'] }) {
  return (
    <section aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      <div role="status" data-testid="alerts">
        {alerts.length === 0 ? (
          <p>All is well.</p>
        ) : (
          <ul class="alerts">
            {alerts.map(({ name, level, message, since }) => (
              <li key={name} class={level} data-testid={`alert-${name}`}>
                <strong>{level === 'critical' ? 'Critical' : 'Warning'}</strong> {message}
                {since !== null && (
                  <span class="dim">
                    {' '}
                    since <time dateTime={since}>{new Date(since).toLocaleString('en-GB')}</time>
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
