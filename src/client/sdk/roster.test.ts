/** Whose colour is whose, also when they have gone. */
import { describe, expect, it } from 'vitest';
import type { WireParticipant } from '../../protocol/index.ts';
import { Roster } from './roster.ts';

const person = (id: string, name: string, color: number): WireParticipant => ({
  user_id: null,
  display_name: name,
  role: 'co-author',
  participant_id: id,
  color,
});

describe('the colour under a name', () => {
  it('stays that of who has left', () => {
    const roster = new Roster();
    roster.joined(person('p-ben', 'Ben', 7));
    roster.left(person('p-ben', 'Ben', 7));
    expect(roster.participants).toEqual([]);
    expect(roster.colorUnder('Ben')).toBe(7);
  });

  it('stays, with the name, that of who goes by another now', () => {
    const roster = new Roster();
    roster.joined(person('p-ben', 'Ben', 7));
    roster.joined(person('p-ben', 'Benno', 7));
    expect([roster.colorUnder('Ben'), roster.colorUnder('Benno')]).toEqual([7, 7]);
  });

  it('is that of the last who had it', () => {
    const roster = new Roster();
    roster.joined(person('p-1', 'Ben', 7));
    roster.left(person('p-1', 'Ben', 7));
    roster.joined(person('p-2', 'Ben', 3));
    expect(roster.colorUnder('Ben')).toBe(3);
  });

  it('is none where no participant had that name, or too many have had others since', () => {
    const roster = new Roster();
    expect(roster.colorUnder('Ben')).toBeNull();
    roster.joined(person('p-ben', 'Ben', 7));
    for (let at = 0; at < 500; at += 1) roster.joined(person(`p-${at}`, `Guest ${at}`, 1));
    expect(roster.colorUnder('Ben')).toBeNull();
    expect(roster.colorUnder('Guest 0')).toBe(1);
  });
});
