/** Waiting for a server that is being started, and doesn't do what it should yet. */
import { createServer, type Server } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { listenOnLoopback } from '../loopback.ts';
import { waitForHttp } from './http-ready.ts';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

it('asks again when a request is never answered', async () => {
  let asked = 0;
  server = createServer((_, response) => {
    asked += 1;
    if (asked > 1) response.end();
  });
  const port = await listenOnLoopback(server);
  const reports: string[] = [];
  const context = {
    signal: new AbortController().signal,
    report: (text: string) => {
      reports.push(text);
    },
  };
  await waitForHttp(`http://127.0.0.1:${port}/`, context, (status) => status === 200, 1_000);
  expect(asked).toBeGreaterThan(1);
  expect(reports[0]).toContain('no answer in time');
});
