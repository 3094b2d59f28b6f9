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
    context.switchTo({ strudelId: 's1', conversation: [entry('hi')] });
    const next = new StrudelContext(storage);
    await next.load();
    expect(next.strudelId).toBe('s1');
    expect(next.importedTurns).toEqual([{ role: 'user', content: 'hi' }]);
    expect(next.importedConversation).toEqual([
      { id: 'e', role: 'user', content: 'hi', is_code_response: false, display_name: null, timestamp: 1 },
    ]);
  });

  it('is asked about by the strudel that is loaded, or whose code became scratch code', async () => {
    const storage = new FakeStorage();
    const context = new StrudelContext(storage);
    await context.load();
    expect(context.aiSubject).toBeNull();
    context.switchTo({ strudelId: 's1', conversation: [], isAiForbidden: true });
    const s1 = { strudelId: 's1', wasForbidden: true };
    expect(context.aiSubject).toEqual(s1);
    // A loaded strudel is no matter of what the code was.
    context.forgetOrigin();
    expect(context.aiSubject).toEqual(s1);
    context.switchTo({ strudelId: null, conversation: [], keepsCode: true });
    const next = new StrudelContext(storage);
    await next.load();
    expect([next.strudelId, next.aiSubject]).toEqual([null, s1]);
    next.switchTo({ strudelId: null, conversation: [], keepsCode: true });
    expect(next.aiSubject).toEqual(s1);
    next.forgetOrigin();
    expect(next.aiSubject).toBeNull();
    context.switchTo({ strudelId: null, conversation: [] });
    expect(context.aiSubject).toBeNull();
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
