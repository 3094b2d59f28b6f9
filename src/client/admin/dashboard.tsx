/** Everything about the system, in the order in which an operator looks. */
import { AlertList } from './alert-list.tsx';
import { BudgetTable } from './budget-table.tsx';
import { FigureList } from './figure-list.tsx';
import { clock } from './format.ts';
import { LetterList } from './letter-list.tsx';
import { PlotList } from './plot-list.tsx';
import { type System, useSystem } from './use-system.ts';

interface DashboardProps {
  secret: string;
  /** The secret isn't the server's any more. */
  onRefused(): void;
  onForget(): void;
}

function freshness({ status, problem, isPaused }: System): string {
  if (problem !== null) return 'Not up to date';
  if (isPaused) return 'Paused while the tab is hidden';
  return status ? `As of ${clock(Date.parse(status.at))}, asked every 5 s` : 'Loading…';
}

export function Dashboard({ secret, onRefused, onForget }: DashboardProps) {
  const system = useSystem(secret, onRefused);
  const { status, problem, moments, refresh } = system;
  const isRedisAway = status !== null && status.buffer === null;
  return (
    <>
      <header>
        <h1>Backbeat: operation</h1>
        <p class="dim" data-testid="freshness">
          {freshness(system)}
        </p>
        <button type="button" onClick={onForget} data-testid="forget">
          Forget the secret
        </button>
      </header>
      <main>
        <div role="alert" data-testid="problem">
          {problem !== null && <p class="problem">{problem} Trying again every 5 s.</p>}
          {isRedisAway && (
            <p class="problem">
              Redis does not answer: its figures, budgets and letters are not known. Postgres stands in for
              it.
            </p>
          )}
        </div>
        {status === null ? (
          problem === null && <p data-testid="loading">Loading…</p>
        ) : (
          <>
            <AlertList alerts={status.alerts} />
            {status.buffer && <FigureList buffer={status.buffer} moments={moments} />}
            <PlotList moments={moments} />
            {status.buffer && (
              <>
                <BudgetTable budgets={status.budgets} />
                <LetterList
                  secret={secret}
                  total={status.buffer.dead_letters}
                  totalBytes={status.buffer.dead_letter_bytes}
                  onRefused={onRefused}
                  onChanged={refresh}
                />
              </>
            )}
          </>
        )}
      </main>
    </>
  );
}
