/**
 * What it is, and how to begin. The build renders it into the HTML, so that it is there at the first paint.
 */
import { ActionButton, Problem } from '../ui/form.tsx';
import { Logo } from '../ui/logo.tsx';
import { useAction } from '../ui/use-action.ts';
import { Demo } from './demo.tsx';
import { FIRST_CODE } from './first-code.ts';
import { startAtOnce } from './new-session.ts';

export function Hero() {
  const jam = useAction();
  return (
    <section class="hero" aria-labelledby="hero-heading">
      <div class="hero-words">
        <h1 id="hero-heading">
          <Logo size={44} />
          Backbeat
        </h1>
        <p class="promise">One pattern, many hands. Make music with code, together, and lose nothing.</p>
        <ActionButton
          action={jam}
          class="primary large"
          testId="jam-now"
          run={() => startAtOnce({ code: FIRST_CODE })}
        >
          Jam now
        </ActionButton>
        <Problem>{jam.problem}</Problem>
        <p class="hint">
          A session of your own, at once and without an account. Send the link to those you want to play with.
        </p>
      </div>
      <Demo code={FIRST_CODE} />
    </section>
  );
}
