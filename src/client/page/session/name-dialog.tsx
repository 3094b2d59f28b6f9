/** Changing the name that the others see here. */
import { MAX_DISPLAY_NAME_CHARS } from '../../../protocol/limits.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Field, Form, textOf } from '../ui/form.tsx';
import { useJam } from './use-jam.ts';

interface NameDialogProps {
  /** As it is. */
  name: string;
  onClose(): void;
}

export function NameDialog({ name, onClose }: NameDialogProps) {
  const jam = useJam();
  const save = async (fields: FormData) => {
    const wanted = textOf(fields, 'name');
    if (wanted === '') throw new Error('A name isn’t blank.');
    if (wanted !== name) await jam.changeName(wanted);
    onClose();
  };
  return (
    <Dialog id="name" heading="Change your name" onClose={onClose}>
      <p class="dim">Everyone here sees the new one at once. What you have said keeps the old one.</p>
      <Form action="Save" submitTestId="name-save" submit={save}>
        <Field
          label="Your name"
          id="name-field"
          name="name"
          required
          maxLength={MAX_DISPLAY_NAME_CHARS}
          defaultValue={name}
          autocomplete="nickname"
          autofocus
          data-testid="name-field"
          onFocus={(event) => event.currentTarget.select()}
        />
      </Form>
    </Dialog>
  );
}
