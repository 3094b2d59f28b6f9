import { beforeEach, expect, it } from 'vitest';
import { tabKeeper } from '../keeping.ts';
import { draftOf, keepDraft } from './drafts.ts';

// Node has no sessionStorage here, which is what a browser is like that blocks it.
beforeEach(() => tabKeeper.remove('backbeat:drafts'));

it('keeps what was typed last under each name, until it is sent', () => {
  keepDraft('chat:a', 'hel');
  keepDraft('chat:a', 'hello');
  keepDraft('chat:b', 'other');
  expect([draftOf('chat:a'), draftOf('chat:b'), draftOf('chat:c')]).toEqual(['hello', 'other', '']);
  keepDraft('chat:a', '');
  expect([draftOf('chat:a'), draftOf('chat:b')]).toEqual(['', 'other']);
});

it('is bounded: by the number of drafts, those typed last stay, and by their length', () => {
  for (let i = 0; i < 25; i++) keepDraft(`chat:${i}`, `text ${i}`);
  expect([draftOf('chat:4'), draftOf('chat:5'), draftOf('chat:24')]).toEqual(['', 'text 5', 'text 24']);
  keepDraft('chat:24', 'x'.repeat(50_001));
  // Rather nothing than an old part of it.
  expect(draftOf('chat:24')).toBe('');
});

it.each(['nonsense', '{}', '[1]', '[["a",1]]'])('takes %s, which it has not written, for none', (written) => {
  tabKeeper.set('backbeat:drafts', written);
  expect(draftOf('a')).toBe('');
  keepDraft('a', 'text');
  expect(draftOf('a')).toBe('text');
});
