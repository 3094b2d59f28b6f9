/** Examples to begin a session with. They are loaded after the rest of the page. */
import { EXAMPLES } from '../../examples/index.ts';
import { ActionButton, Problem } from '../ui/form.tsx';
import { useAction } from '../ui/use-action.ts';
import { startAtOnce } from './new-session.ts';

export function ExampleList() {
  const starting = useAction();
  return (
    <section class="card lists" aria-labelledby="examples-heading">
      <h2 id="examples-heading">Begin with an example</h2>
      <Problem>{starting.problem}</Problem>
      <ul class="example-cards">
        {EXAMPLES.map(({ id, title, says, code }) => (
          <li key={id}>
            <ActionButton action={starting} testId="example-start" run={() => startAtOnce({ title, code })}>
              <strong>{title}</strong>
              <span class="dim">{says}</span>
            </ActionButton>
          </li>
        ))}
      </ul>
    </section>
  );
}
