/** Settings that would let strangers in, or send secrets in the clear, are refused before anything starts. */
import { describe, expect, it } from 'vitest';
import { pickVariables, problemsWith, VARIABLE_NAMES } from '../deploy/variables.ts';
import { WORKER_ENV } from '../test/support/worker-services.ts';
import { configSchema, parseConfig } from './config.ts';

const parse = (env: Record<string, string>) => parseConfig(configSchema, { ...WORKER_ENV, ...env });
const JWKS_URL = 'https://id.example/keys';

describe("an identity provider's keys", () => {
  it('need the audience that tokens are for: the provider signs those of other applications, too', () => {
    expect(() => parse({ JWKS_URL })).toThrow('JWT_AUDIENCE: missing');
    expect(() => parse({ JWKS_URL, JWT_ISSUER: 'https://id.example/' })).toThrow('JWT_AUDIENCE: missing');
    expect(() => parse({ JWKS_URL, JWT_AUDIENCE: '' })).toThrow('JWT_AUDIENCE: missing');
    expect(parse({ JWKS_URL, JWT_AUDIENCE: 'jam' }).JWT_AUDIENCE).toBe('jam');
    expect(parse({}).JWT_AUDIENCE).toBeUndefined();
  });

  it('may be good for every application, if that is said', () => {
    expect(parse({ JWKS_URL, JWT_AUDIENCE: '*' }).JWT_AUDIENCE).toBe('*');
  });

  it('are looked at before a deploy, along with everything else', () => {
    const { JWT_SECRET: _, ...env } = WORKER_ENV;
    expect(problemsWith({ ...env, JWKS_URL })).toEqual(
      expect.arrayContaining([
        { variable: 'JWT_SECRET', what: 'missing' },
        { variable: 'JWT_AUDIENCE', what: 'missing' },
      ]),
    );
  });
});

describe('signing in', () => {
  it('needs both of a provider’s credentials, or none', () => {
    for (const [id, secret] of [
      ['GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'],
      ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
    ] as const) {
      expect(() => parse({ [id]: 'x' })).toThrow(`${id}: is of no use without ${secret}`);
      expect(() => parse({ [secret]: 'x' })).toThrow(`${secret}: is of no use without ${id}`);
      expect(() => parse({ [id]: 'x', [secret]: 'y' })).not.toThrow();
    }
  });

  it('as anybody is for this machine only, and never deployed', () => {
    expect(() => parse({ LOCAL_SIGN_IN_ISSUER: 'http://127.0.0.1:1' })).not.toThrow();
    for (const issuer of ['https://id.example', 'http://10.0.0.1', 'http://localhost.id.example', 'x']) {
      expect(() => parse({ LOCAL_SIGN_IN_ISSUER: issuer })).toThrow('must be on this machine');
    }
    expect(VARIABLE_NAMES).not.toContain('LOCAL_SIGN_IN_ISSUER');
    expect(pickVariables({ LOCAL_SIGN_IN_ISSUER: 'http://127.0.0.1:1' })).toEqual({});
  });

  it('leads to whole origins only', () => {
    const lead = (AUTH_REDIRECT_ORIGINS: string) => parse({ AUTH_REDIRECT_ORIGINS }).AUTH_REDIRECT_ORIGINS;
    expect(lead(' https://a.example, http://localhost:3000 ')).toEqual([
      'https://a.example',
      'http://localhost:3000',
    ]);
    expect(lead('')).toEqual([]);
    for (const wrong of [
      'https://a.example/',
      'https://a.example/x',
      'http://a.example',
      '*',
      'a.example',
      'null',
    ]) {
      expect(() => lead(wrong)).toThrow('AUTH_REDIRECT_ORIGINS');
    }
  });
});

describe('addresses that are sent secrets, or trusted', () => {
  const names = [
    'JWKS_URL',
    'UPSTASH_REDIS_REST_URL',
    'NEON_FETCH_ENDPOINT',
    'ANTHROPIC_BASE_URL',
    'OPENAI_BASE_URL',
    'GITHUB_URL',
    'GITHUB_API_URL',
    'GOOGLE_ISSUER',
  ];

  it.each(names)('%s is https, and http on this machine only', (name) => {
    const env = (url: string) => ({ JWT_AUDIENCE: 'jam', [name]: url });
    for (const url of ['https://a.example/x', 'http://localhost:1', 'http://127.0.0.1:1', 'http://[::1]:1']) {
      expect(() => parse(env(url))).not.toThrow();
    }
    for (const url of [
      'http://a.example/x',
      'http://127.0.0.1.a.example',
      'http://localhost.a.example',
      'http://127.0.0.1@a.example',
      'http://0.0.0.0',
      'http://[::ffff:a00:1]',
      'ftp://localhost',
      'nothing',
    ]) {
      expect(() => parse(env(url))).toThrow(name);
    }
  });
});
