/** What a person says about a strudel. */
import type * as z from 'zod';
import type { createStrudel } from '../../protocol/http/strudels.ts';
import { MAX_DESCRIPTION_CHARS, MAX_TITLE_CHARS } from '../../protocol/index.ts';
import { openDialog } from './dialog.ts';
import { el, field, labelledSwitch } from './dom.ts';
import { submitForm } from './form.ts';

/** What a user says about a strudel. */
export type StrudelInput = Pick<
  z.output<typeof createStrudel.body>,
  'title' | 'description' | 'tags' | 'is_public'
>;
/** What a session holds, to be kept in a strudel. */
export type StrudelContent = Required<
  Pick<z.input<typeof createStrudel.body>, 'code' | 'conversation_history'>
>;

interface StrudelFormOptions {
  heading: string;
  action: string;
  initial: StrudelInput;
  /** @throws in words for people; then the form stays. */
  submit(input: StrudelInput): Promise<void>;
}

/** Asks for it in a dialog, which is gone when it is closed. */
export function openStrudelForm({ heading, action, initial, submit }: StrudelFormOptions): void {
  const title = field('Title', {
    id: 'strudel-title',
    required: true,
    maxlength: String(MAX_TITLE_CHARS),
    value: initial.title,
    'data-testid': 'strudel-title',
  });
  const description = field('Description', {
    id: 'strudel-description',
    value: initial.description ?? '',
    maxlength: String(MAX_DESCRIPTION_CHARS),
    'data-testid': 'strudel-description',
  });
  const tags = field('Tags, with commas between', {
    id: 'strudel-tags',
    value: initial.tags.join(', '),
    placeholder: 'techno, drums',
    'data-testid': 'strudel-tags',
  });
  const isPublic = el('input', {
    type: 'checkbox',
    role: 'switch',
    checked: initial.is_public,
    'data-testid': 'strudel-public',
  });
  const form = el(
    'form',
    { class: 'stack' },
    title.row,
    description.row,
    tags.row,
    labelledSwitch(isPublic, 'Public', 'Everyone may find it and bring it into their sessions.'),
    el('button', { type: 'submit', class: 'primary', 'data-testid': 'strudel-submit' }, action),
  );
  submitForm(form, async () => {
    await submit({
      title: title.input.value.trim(),
      description: description.input.value.trim() || null,
      tags: parseTags(tags.input.value),
      is_public: isPublic.checked,
    });
    dialog.close();
  });
  const dialog = openDialog('strudel', heading, [form]);
  title.input.focus();
}

/** Tags of a list with commas; each once, blank ones left out. */
export function parseTags(text: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  return [...new Set(tags.filter((tag) => tag !== ''))];
}
