/** What is used of what all callers together may do on one day. */
import { clock, number } from './format.ts';
import type { SystemStatus } from './series.ts';

type Budget = SystemStatus['budgets'][number];

const NAMES: Record<Budget['name'], string> = {
  sessions: 'Sessions made by strangers',
  entries: 'Entries of strangers',
  commits: 'Commits of strangers',
  ai_strangers: 'AI requests of strangers',
  ai: 'AI requests of everybody',
};
const LOW_SHARE = 0.8;

/** In a word, so that it isn't said by a colour alone. */
function stateOf({ used, limit }: Budget): string {
  if (used >= limit) return 'used up';
  return used >= limit * LOW_SHARE ? 'nearly used up' : '';
}

export function BudgetTable({ budgets }: { budgets: readonly Budget[] }) {
  const resetsAt = budgets[0]?.resets_at;
  return (
    <section aria-labelledby="budgets">
      <h2 id="budgets">Budgets today</h2>
      <table class="budgets">
        <caption class="dim">
          A stranger has no account. {resetsAt && `They begin anew at ${clock(Date.parse(resetsAt))}.`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Of all together</th>
            <th scope="col" class="figure">
              Used
            </th>
            <th scope="col" class="figure">
              Limit
            </th>
          </tr>
        </thead>
        <tbody>
          {budgets.map((budget) => (
            <tr key={budget.name} data-testid={`budget-${budget.name}`}>
              <th scope="row">
                {NAMES[budget.name]}
                <progress
                  value={Math.min(budget.used, budget.limit)}
                  max={budget.limit}
                  aria-label={`${NAMES[budget.name]}, used`}
                />
              </th>
              <td class="figure">
                {number(budget.used)} <strong class="warning">{stateOf(budget)}</strong>
              </td>
              <td class="figure">{number(budget.limit)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
