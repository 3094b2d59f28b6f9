/**
 * What was typed and not sent yet. It is kept as long as the tab, so that it is back in its fields after a
 * reload, or when the browser brings a closed tab back. Never of forms with secrets.
 */
import { useLayoutEffect, useRef } from 'preact/hooks';
import * as z from 'zod';
import { tabKeeper } from '../keeping.ts';

const KEY = 'backbeat:drafts';
/** Those that were typed last; longer ones than this aren't kept. */
const DRAFTS_KEPT = 20;
const MAX_DRAFT_CHARS = 50_000;

const pairs = z.array(z.tuple([z.string(), z.string()])).catch([]);

function parse(text: string | null): [name: string, text: string][] {
  try {
    return pairs.parse(JSON.parse(text ?? '[]'));
  } catch {
    return [];
  }
}

/** Empty when nothing is kept. */
export function draftOf(name: string): string {
  return new Map(parse(tabKeeper.get(KEY))).get(name) ?? '';
}

/** @param text empty: it was sent, or given up. */
export function keepDraft(name: string, text: string): void {
  const all = parse(tabKeeper.get(KEY));
  const others = all.filter(([other]) => other !== name);
  if (text !== '' && text.length <= MAX_DRAFT_CHARS) others.push([name, text]);
  if (others.length + all.length > 0) tabKeeper.set(KEY, JSON.stringify(others.slice(-DRAFTS_KEPT)));
}

type TextField = HTMLInputElement | HTMLTextAreaElement;
const isText = (field: Element): field is TextField =>
  field instanceof HTMLTextAreaElement || (field instanceof HTMLInputElement && field.type === 'text');

/**
 * Keeps what is typed into a form's text fields, by their names, and brings it back.
 * @param name unique in the tab; none: nothing is kept.
 * @param isGivenUp it is once the form is closed, though not when the page is left.
 * @returns what the form needs, and what to call once it has been sent.
 */
export function useDraft(name: string | undefined, isGivenUp = false) {
  const form = useRef<HTMLFormElement>(null);
  const fields = () => [...(form.current?.elements ?? [])].filter(isText);
  const sent = () => {
    if (name) keepDraft(name, '');
  };
  // Before anybody sees the form without it.
  useLayoutEffect(() => {
    const texts = new Map(name ? parse(draftOf(name) || null) : []);
    for (const field of fields()) field.value = texts.get(field.name) ?? field.value;
    if (isGivenUp) return sent;
  }, [name]);
  const onInput = () => {
    const changed = fields().filter((field) => field.value !== field.defaultValue);
    const texts = changed.map((field) => [field.name, field.value]);
    if (name) keepDraft(name, texts.length > 0 ? JSON.stringify(texts) : '');
  };
  return { form: { ref: form, onInput }, sent };
}
