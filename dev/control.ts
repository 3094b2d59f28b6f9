/**
 * A loopback HTTP server by which tests and fault runs break the stack and mend it. Each answer comes when
 * what it asked for has happened.
 *
 *   GET  /parts                  every part's state, pid and restarts
 *   POST /parts/:name/stop       asks it to end, and keeps it down      …/kill   kills it, and keeps it down
 *   POST /parts/:name/start      until it answers                       …/restart
 *   POST /parts/:name/pause      freezes it                             …/resume
 *   POST /cron                   the Worker's scheduled handler, once
 *   POST /cron/:ms               the same, as if it had been due then (milliseconds since the epoch)
 *   POST /clocks/worker/:ms      from its next start on the Worker's clock is that many milliseconds off
 *
 * `room` is another name of `worker`, which the rooms run in. All with the flush secret as a bearer
 * token; bodies are JSON.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { Clock } from './clock.ts';
import type { CronTrigger } from './cron.ts';
import { messageOf } from './errors.ts';
import { closeAtOnce, listenOnLoopback } from './loopback.ts';
import type { Part } from './part.ts';

const ACTIONS: Record<string, (part: Part) => Promise<void>> = {
  stop: (part) => part.stop(),
  kill: (part) => part.stop('SIGKILL'),
  start: (part) => part.start(),
  async restart(part) {
    await part.stop();
    await part.start();
  },
  pause: (part) => part.pause(),
  resume: (part) => part.resume(),
};

export interface Control {
  url: string;
  close(): void;
}

/** Starts the server on a free port of 127.0.0.1. */
export async function startControl(options: {
  parts: readonly Part[];
  cron: CronTrigger;
  clock: Clock;
  secret: string;
}): Promise<Control> {
  const expected = digest(`Bearer ${options.secret}`);
  const server = createServer(async (request, response) => {
    const isAllowed = timingSafeEqual(digest(request.headers.authorization ?? ''), expected);
    const [status, body] = isAllowed
      ? await answer(request, options)
      : [401, { error: 'unauthorized', message: 'the flush secret is needed as a bearer token' }];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  return { url: `http://127.0.0.1:${await listenOnLoopback(server)}`, close: () => void closeAtOnce(server) };
}

async function answer(
  request: IncomingMessage,
  { parts, cron, clock }: { parts: readonly Part[]; cron: CronTrigger; clock: Clock },
): Promise<[status: number, body: object]> {
  const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
  const [, collection, given, action, ...rest] = path.split('/');
  const name = given === 'room' ? 'worker' : given;
  const infos = () => Object.fromEntries(parts.map((part) => [part.name, part.info]));
  try {
    if (request.method === 'GET' && path === '/parts') return [200, infos()];
    if (request.method === 'POST' && /^\/cron(\/\d{1,15})?$/.test(path)) {
      await cron.fire(given === undefined ? null : Number(given));
      return [200, {}];
    }
    if (
      request.method === 'POST' &&
      collection === 'clocks' &&
      name === 'worker' &&
      /^-?\d{1,9}$/.test(action ?? '')
    ) {
      clock.skewMs = Number(action);
      return [200, clock];
    }
    const part = parts.find((candidate) => candidate.name === name);
    const act = action !== undefined && Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (request.method !== 'POST' || collection !== 'parts' || !act || rest.length > 0) {
      return [404, { error: 'not_found', message: `${request.method} ${path}` }];
    }
    if (!part)
      return [
        404,
        { error: 'not_found', message: `this stack has no part ${name}: ${Object.keys(infos()).join(', ')}` },
      ];
    await act(part);
    return [200, part.info];
  } catch (error) {
    return [500, { error: 'server_error', message: messageOf(error) }];
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest();
