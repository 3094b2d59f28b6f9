/** Joins a session by a link that was pasted. */
import { go, parsePasted } from '../router.ts';
import { Field, Form, textOf } from '../ui/form.tsx';

export function JoinCard() {
  return (
    <section class="card" aria-labelledby="join-heading">
      <h2 id="join-heading">Join a session</h2>
      <Form
        labelledBy="join-heading"
        action="Next"
        submitTestId="join-next"
        isInline
        submit={async (fields) => {
          const route = parsePasted(textOf(fields, 'link'));
          if (route === null) throw new Error('That isn’t a link to a session.');
          go(route);
        }}
      >
        <Field
          label="Invite link"
          id="join-link"
          name="link"
          required
          placeholder="Paste the link you were sent"
          spellcheck={false}
          data-testid="join-link"
        />
      </Form>
    </section>
  );
}
