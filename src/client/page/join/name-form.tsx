/** Asks for the name that the others will see. */
import type { ComponentChildren } from 'preact';
import { MAX_DISPLAY_NAME_CHARS } from '../../../protocol/limits.ts';
import { Field, Form, textOf } from '../ui/form.tsx';

interface NameFormProps {
  heading: string;
  /** What the person should know first. */
  children: ComponentChildren;
  action: string;
  /** What is in the field at first. */
  name: string;
  /** Below the form: another way in. */
  below?: ComponentChildren;
  /** Shown in place of the form, and of what is below it. */
  instead?: ComponentChildren;
  /** @throws in words for people. */
  submit(name: string): Promise<void>;
}

export function NameForm({ heading, children, action, name, below, instead, submit }: NameFormProps) {
  return (
    <main class="centre">
      <section class="card" aria-labelledby="join-heading">
        <h1 id="join-heading">{heading}</h1>
        {children}
        {instead ?? (
          <Form
            labelledBy="join-heading"
            action={action}
            submitTestId="join-submit"
            draft="name"
            submit={(fields) => submit(textOf(fields, 'name'))}
          >
            <Field
              label="Your name"
              id="join-name"
              name="name"
              required
              maxLength={MAX_DISPLAY_NAME_CHARS}
              defaultValue={name}
              autocomplete="nickname"
              data-testid="join-name"
            />
          </Form>
        )}
        {!instead && below}
        <a href="#/">{instead ? 'To the start' : 'Not now'}</a>
      </section>
    </main>
  );
}
