/** Asks before what can't be undone. */
import { useEffect, useRef } from 'preact/hooks';
import { Dialog } from './dialog.tsx';
import { ActionButton, Problem } from './form.tsx';
import { Store, useValue } from './store.ts';
import { useAction } from './use-action.ts';

/** What a question asks, and what its answer does. */
export interface Question {
  heading: string;
  text: string;
  /** On the button that does it. */
  action: string;
  /** @throws in words for people; then the question stays. */
  run(): Promise<void>;
}

const asked = new Store<Question | null>(null);

/** Asks. What `run` throws is shown in place. */
export function ask(question: Question): void {
  asked.set(question);
}

/** Where questions are asked: once in the page. */
export function QuestionPlace() {
  const question = useValue(asked);
  return question && <QuestionDialog key={question.heading} question={question} />;
}

function QuestionDialog({ question }: { question: Question }) {
  const action = useAction();
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => cancel.current?.focus(), []);
  const close = () => {
    if (asked.snapshot === question) asked.set(null);
  };
  return (
    <Dialog id="question" heading={question.heading} onClose={close}>
      <p class="dim">{question.text}</p>
      <Problem>{action.problem}</Problem>
      <div class="dialog-actions">
        <button type="button" ref={cancel} onClick={close}>
          Cancel
        </button>
        <ActionButton
          action={action}
          class="danger"
          testId="question-yes"
          run={async () => {
            await question.run();
            close();
          }}
        >
          {question.action}
        </ActionButton>
      </div>
    </Dialog>
  );
}
