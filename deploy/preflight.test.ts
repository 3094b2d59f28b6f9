/** Versions, as they are looked at before anything is deployed. */
import { describe, expect, it } from 'vitest';
import { problemWithInstalled, problemWithNode } from './preflight.ts';

describe('Node.js', () => {
  it.each(['20.19.0', '20.20.1', '22.0.0', '100.0.0', '25.0.0-nightly20260101'])(
    '%s is new enough',
    (own) => {
      expect(problemWithNode(own, '>=20.19')).toBeNull();
    },
  );

  it.each(['20.18.9', '20.2.0', '9.99.0'])('%s is too old', (own) => {
    expect(problemWithNode(own, '>=20.19')).toBe(`Node.js ${own} doesn't fit: >=20.19 is needed`);
  });

  it('may be asked for by more than a least version', () => {
    expect(problemWithNode('21.1.0', '^20.19.0 || >=22.12.0')).toContain('is needed');
    expect(problemWithNode('22.12.0', '^20.19.0 || >=22.12.0')).toBeNull();
  });
});

describe('a program', () => {
  it.each([
    ['4.86.0', '4.86.0'],
    ['0.31.11', '^0.31.4'],
    ['0.31.11', undefined],
  ])('%s is what %s asks for', (version, wanted) => {
    expect(problemWithInstalled('wrangler', version, wanted)).toBeNull();
  });

  it.each([
    ['4.86.1', '4.86.0'],
    ['4.9.0', '^4.10.0'],
    ['0.32.0', '^0.31.11'],
  ])('%s is not what %s asks for', (version, wanted) => {
    expect(problemWithInstalled('wrangler', version, wanted)).toBe(
      `wrangler ${version} is installed, and package.json wants ${wanted}: run npm ci`,
    );
  });
});
