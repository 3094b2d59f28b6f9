/**
 * The Worker as it is deployed, with a meter on it: what Cloudflare would bill of its objects,
 * and the requests that it makes itself. `GET /_meter` tells. All times are in the Worker's own
 * clock, which may run fast.
 */
import handler, { SessionRoom as Room, Sweeper as TheSweeper } from '../../src/hosts/partyserver.ts';
import type { MeterReading, Span } from './reading.ts';

const reading: MeterReading = {
  workerRequests: 0,
  cronTurns: [],
  room: { requests: 0, frames: 0, alarms: 0, rowsWritten: 0, busy: [] },
  sweeper: { requests: 0, busy: [] },
  subrequests: 0,
  postgresAt: [],
};

/** Notes from when on an object is busy. @returns what notes the end; what overlaps becomes one span. */
function begin(busy: Span[]): () => void {
  const startMs = Date.now();
  return () => {
    const last = busy.at(-1);
    if (last && startMs <= last[1]) busy[busy.length - 1] = [Math.min(last[0], startMs), Date.now()];
    else busy.push([startMs, Date.now()]);
  };
}

async function during<T>(busy: Span[], work: () => T | Promise<T>): Promise<T> {
  const end = begin(busy);
  try {
    return await work();
  } finally {
    end();
  }
}

const trueFetch = fetch;
globalThis.fetch = (input, init) => {
  reading.subrequests += 1;
  const { pathname } = new URL(input instanceof Request ? input.url : input);
  if (pathname.endsWith('/sql')) reading.postgresAt.push(Date.now());
  return trueFetch(input, init);
};

/**
 * While a timer runs, or a request is under way, an object can't hibernate, and its time is billed. There is
 * one room, so all timers count as its own; the sweeper has none as long as few sessions are dirty.
 */
const [trueSetTimeout, trueClearTimeout] = [setTimeout, clearTimeout];
const ends = new Map<unknown, () => void>();
const ended = (timer: unknown) => {
  ends.get(timer)?.();
  ends.delete(timer);
};
Object.assign(globalThis, {
  setTimeout(task: () => void, delayMs: number) {
    const timer = trueSetTimeout(() => {
      ended(timer);
      task();
    }, delayMs);
    ends.set(timer, begin(reading.room.busy));
    return timer;
  },
  clearTimeout(timer: ReturnType<typeof setTimeout> | undefined) {
    ended(timer);
    trueClearTimeout(timer);
  },
});

const rows = (entries: unknown) => (typeof entries === 'string' ? 1 : Object.keys(Object(entries)).length);

export class SessionRoom extends Room {
  constructor(...[ctx, env]: ConstructorParameters<typeof Room>) {
    const { storage } = ctx;
    const [put, remove, setAlarm] = [
      storage.put.bind(storage),
      storage.delete.bind(storage),
      storage.setAlarm.bind(storage),
    ];
    Object.assign(storage, {
      put(...args: [string, unknown]) {
        reading.room.rowsWritten += rows(args[0]);
        return put(...args);
      },
      delete(keys: string[]) {
        reading.room.rowsWritten += [keys].flat().length;
        return remove(keys);
      },
      setAlarm(atMs: number) {
        reading.room.rowsWritten += 1;
        return setAlarm(atMs);
      },
    });
    super(ctx, env);
  }

  override fetch(request: Request): Promise<Response> {
    reading.room.requests += 1;
    return during(reading.room.busy, () => super.fetch(request));
  }
  override webSocketMessage(...args: Parameters<Room['webSocketMessage']>): Promise<void> {
    reading.room.frames += 1;
    return during(reading.room.busy, () => super.webSocketMessage(...args));
  }
  override webSocketClose(...args: Parameters<Room['webSocketClose']>): Promise<void> {
    return during(reading.room.busy, () => super.webSocketClose(...args));
  }
  override alarm(): Promise<void> {
    reading.room.alarms += 1;
    return during(reading.room.busy, () => super.alarm());
  }
}

// No caller asks the AI here.
export { AiDesk } from '../../src/hosts/partyserver.ts';

export class Sweeper extends TheSweeper {
  override fetch(request: Request): Promise<Response> {
    reading.sweeper.requests += 1;
    return during(reading.sweeper.busy, async () => {
      const answer = await super.fetch(request);
      if (new URL(request.url).pathname === '/flush/turn') {
        reading.cronTurns.push(Number((await answer.clone().json()).requests));
      }
      return answer;
    });
  }
}

export default {
  fetch(...args: Parameters<typeof handler.fetch>) {
    if (new URL(args[0].url).pathname === '/_meter') return Response.json(reading);
    reading.workerRequests += 1;
    return handler.fetch(...args);
  },
  scheduled(...args: Parameters<typeof handler.scheduled>) {
    reading.workerRequests += 1;
    return handler.scheduled(...args);
  },
};
