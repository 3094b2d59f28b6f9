import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PEER_COLORS } from '../editor/index.ts';
import { sentence } from '../sdk/sentence.ts';
import { readToken } from './account.ts';
import { parseTags } from './session/panels/tags.ts';

const NOW_S = 1_800_000_000;

/** A JWT with these claims; the page doesn't check its signature. */
function jwt(claims: object): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
}

describe('a pasted token', () => {
  it('says who a participant is', () => {
    const token = jwt({ sub: 'ana', name: 'Ana', exp: NOW_S + 1 });
    expect(readToken(token)).toEqual({ subject: 'ana', name: 'Ana', label: 'Ana', isOwn: false });
  });

  it('is read whatever this device’s clock says of its expiry: the server decides', () => {
    expect(readToken(jwt({ sub: 'ana', exp: 1 }))?.subject).toBe('ana');
  });

  it('without a name says the subject, and may live for ever', () => {
    expect(readToken(jwt({ sub: 'ana', name: ' ' }))?.name).toBe('ana');
  });

  it.each([
    ['nothing', ''],
    ['no JWT', 'not.a.token'],
    ['one without a subject', jwt({ name: 'Ana' })],
    ['a session token', jwt({ sub: 'ana', aud: 'backbeat:session' })],
    ['a session token among audiences', jwt({ sub: 'ana', aud: ['other', 'backbeat:session'] })],
  ])('is nobody’s when it is %s', (_, token) => {
    expect(readToken(token)).toBeNull();
  });
});

describe('texts', () => {
  it('tags are split at commas, each once', () => {
    expect(parseTags(' techno, 130 ,,techno, deep house ')).toEqual(['techno', '130', 'deep house']);
    expect(parseTags(' ')).toEqual([]);
  });

  it('messages of a server become sentences', () => {
    expect(['not now', 'Done.', 'why?'].map(sentence)).toEqual(['Not now.', 'Done.', 'Why?']);
  });
});

it('the style sheet has the twelve colours of the editor', () => {
  const css = readFileSync(new URL('styles/tokens.css', import.meta.url), 'utf8');
  const colors = [
    ...css.matchAll(
      /^\.color-(\d+) \{\s*color: light-dark\(color-mix\(in oklab, (#[0-9a-f]{6}) 55%, black\), \2\);/gm,
    ),
  ].map(([, index, color]) => [Number(index), color]);
  expect(colors).toEqual(PEER_COLORS.map((color, index) => [index, color]));
});
