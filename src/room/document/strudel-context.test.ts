import { describe, expect, it } from 'vitest';
import { FakeStorage } from '../../../test/support/room.ts';
import { type ImportedEntry, newestThatFit, StrudelContext } from './strudel-context.ts';

describe('what the code belongs to', () => {
  const entry = (content: string): ImportedEntry => ({
    id: 'e',
    role: 'user',
    content,
    isCodeResponse: false,
    createdAtMs: 1,
  });

  it('is known to the next instance', async () => {
    const storage = new FakeStorage();
    const context = new StrudelContext(storage);
    await context.load();
    expect([context.strudelId, context.importedConversation]).toEqual([null, []]);
    context.switchTo('s1', [entry('hi')]);
    const next = new StrudelContext(storage);
    await next.load();
    expect(next.strudelId).toBe('s1');
    expect(next.importedTurns).toEqual([{ role: 'user', content: 'hi' }]);
    expect(next.importedConversation).toEqual([
      { id: 'e', role: 'user', content: 'hi', is_code_response: false, display_name: null, timestamp: 1 },
    ]);
  });

  it('keeps the end of a long conversation, as much as fits into storage', () => {
    const many = Array.from({ length: 60 }, (_, i) => entry(`${i}`));
    expect(newestThatFit(many).map(({ content }) => content)).toEqual(
      many.slice(10).map(({ content }) => content),
    );
    const kb = (n: number) => 'x'.repeat(n * 1024);
    expect(newestThatFit([entry('old'), entry(kb(40)), entry(kb(8))])).toHaveLength(2);
    expect(newestThatFit([entry('old'), entry(kb(41)), entry(kb(8))])).toHaveLength(1);
    expect(newestThatFit([entry(kb(49))])).toEqual([]);
  });
});
