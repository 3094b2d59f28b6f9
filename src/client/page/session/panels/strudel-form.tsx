/** What a person says about a strudel. */
import { useEffect, useRef } from 'preact/hooks';
import type * as z from 'zod';
import { AI_SIGNALS } from '../../../../protocol/ai-signals.ts';
import type { createStrudel } from '../../../../protocol/http/strudels.ts';
import { MAX_DESCRIPTION_CHARS, MAX_LICENSE_CHARS, MAX_TITLE_CHARS } from '../../../../protocol/limits.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Form, Labelled, Switch, textOf } from '../../ui/form.tsx';
import { LICENSES, signalText } from './rights.ts';
import { parseTags } from './tags.ts';

/** What a user says about a strudel. */
export type StrudelInput = Pick<
  z.output<typeof createStrudel.body>,
  'title' | 'description' | 'tags' | 'is_public' | 'license' | 'cc_signal'
>;
/** What a session holds, to be kept in a strudel. */
export type StrudelContent = Required<
  Pick<z.input<typeof createStrudel.body>, 'code' | 'conversation_history'>
>;

export interface StrudelFormProps {
  heading: string;
  action: string;
  /** Said above the fields. */
  note?: string | undefined;
  initial: StrudelInput;
  /** Names what is typed into it, for the time after a reload. */
  draft: string;
  /** @throws in words for people; then the form stays. */
  submit(input: StrudelInput): Promise<void>;
  onClose(): void;
}

export function StrudelForm({ heading, action, note, initial, draft, submit, onClose }: StrudelFormProps) {
  const title = useRef<HTMLInputElement>(null);
  useEffect(() => title.current?.focus(), []);
  const send = async (fields: FormData) => {
    await submit({
      title: textOf(fields, 'title'),
      description: textOf(fields, 'description') || null,
      tags: parseTags(textOf(fields, 'tags')),
      is_public: fields.has('is_public'),
      license: textOf(fields, 'license') || null,
      cc_signal: textOf(fields, 'cc_signal') || null,
    });
    onClose();
  };
  // One that another client has set stays as it is.
  const signals: readonly string[] = [...new Set([...AI_SIGNALS, initial.cc_signal ?? AI_SIGNALS[0]])];
  return (
    <Dialog id="strudel" heading={heading} onClose={onClose}>
      {note && <p class="dim">{note}</p>}
      <Form action={action} submitTestId="strudel-submit" draft={draft} submit={send}>
        <Field
          label="Title"
          id="strudel-title"
          name="title"
          required
          maxLength={MAX_TITLE_CHARS}
          defaultValue={initial.title}
          inputRef={title}
          data-testid="strudel-title"
        />
        <Field
          label="Description"
          id="strudel-description"
          name="description"
          maxLength={MAX_DESCRIPTION_CHARS}
          defaultValue={initial.description ?? ''}
          data-testid="strudel-description"
        />
        <Field
          label="Tags, with commas between"
          id="strudel-tags"
          name="tags"
          placeholder="techno, drums"
          defaultValue={initial.tags.join(', ')}
          data-testid="strudel-tags"
        />
        <Field
          label="Licence"
          id="strudel-license"
          name="license"
          list="strudel-licenses"
          maxLength={MAX_LICENSE_CHARS}
          placeholder="All rights are yours"
          defaultValue={initial.license ?? ''}
          data-testid="strudel-license"
        />
        <datalist id="strudel-licenses">
          {LICENSES.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <Labelled for="strudel-signal" label="May AI use it?">
          <select id="strudel-signal" name="cc_signal" data-testid="strudel-signal">
            <option value="">Nothing said</option>
            {signals.map((signal) => (
              <option key={signal} value={signal} selected={signal === initial.cc_signal}>
                {signalText(signal)}
              </option>
            ))}
          </select>
        </Labelled>
        <Switch
          label="Public"
          hint="Everyone may find it and bring it into their sessions."
          name="is_public"
          isOnAtFirst={initial.is_public}
          testId="strudel-public"
        />
      </Form>
    </Dialog>
  );
}
