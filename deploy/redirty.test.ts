import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { closeAtOnce, listenOnLoopback } from '../dev/loopback.ts';
import { redirty } from './redirty.ts';

it('marks everything, some with each request', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end(JSON.stringify(asked.length < 3 ? { marked: 5, next: '7' } : { marked: 1, next: null }));
  });
  const url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
  try {
    expect(await redirty({ url, flushSecret: 'secret' })).toBe(11);
    expect(asked).toEqual([
      'POST /flush/redirty Bearer secret',
      'POST /flush/redirty?cursor=7 Bearer secret',
      'POST /flush/redirty?cursor=7 Bearer secret',
    ]);
  } finally {
    closeAtOnce(server);
  }
});
