/**
 * An hour of hostile anonymous use from one IPv6 site, against the limits themselves: what was tried, and
 * what got through. The clock is simulated; the counts are in a real Redis.
 */
import { StrangerCommits } from '../../src/access/stranger-commits.ts';
import { StrangerLimits } from '../../src/access/stranger-limits.ts';
import type { Config } from '../../src/config.ts';
import type { RedisScripts } from '../../src/redis/client.ts';
import { countedPerson } from '../../src/room/agent/counted-person.ts';
import { DailyLimits } from '../../src/room/agent/daily-limits.ts';
import { SLOW_COMMIT_MS, StrangerPace } from '../../src/room/connections/stranger-pace.ts';

const SECONDS = 3_600;
/** Each is a /64 of the one /48. */
const NETWORKS = 60;
/** Isolates of the Worker that the requests reach: each has to learn by itself that a limit is met. */
const ISOLATES = 4;
/** A second, of all networks together: far more than is allowed, of everything. */
const TRIED_A_SECOND = { session: 1, entry: 5, ai: 0.5 };
/** Rooms that are written in without pause, and frames that each writer sends: as many as are read. */
const WRITTEN_ROOMS = 30;
const FRAMES_A_SECOND = 30;

export interface Tried {
  tried: number;
  gotThrough: number;
}

export interface HostileHour {
  sessions: Tried;
  entries: Tried;
  /** Tried: frames with an edit. Got through: commits. */
  commits: Tried;
  aiRequests: Tried;
}

interface Isolate {
  limits: StrangerLimits;
  ai: DailyLimits;
  commits: StrangerCommits;
}

export class HostileSite {
  readonly #config: Config;
  readonly #isolates: Isolate[];
  readonly #paces: StrangerPace[];
  /** Questions about commits that are under way: rooms don't wait for them, the clock does. */
  readonly #asked: Promise<unknown>[] = [];

  /** @param redis where the limits count, under `config`'s prefix. */
  constructor(redis: RedisScripts, config: Config) {
    this.#config = config;
    const options = { redis, keyPrefix: config.KEY_PREFIX, secret: config.JWT_SECRET };
    this.#isolates = Array.from({ length: ISOLATES }, () => ({
      limits: new StrangerLimits(config, options),
      ai: new DailyLimits({
        ...options,
        perDay: { all: config.AI_REQUESTS_PER_DAY, anonymous: config.AI_ANONYMOUS_REQUESTS_PER_DAY },
      }),
      commits: new StrangerCommits({
        ...options,
        perNetwork: config.ANONYMOUS_COMMITS_PER_NETWORK,
        perDay: config.ANONYMOUS_COMMITS_PER_DAY,
      }),
    }));
    this.#paces = Array.from({ length: WRITTEN_ROOMS }, (_, room) => {
      const take = (address: string | null, commits: number) => {
        const asked = this.#isolate(room).commits.take(address, commits);
        this.#asked.push(asked);
        return asked;
      };
      return new StrangerPace({ commits: { take }, commitMinMs: config.COMMIT_MIN_MS });
    });
  }

  /** Plays one hour, or its first seconds. @param startMs of the simulated clock. */
  async playHour(startMs: number, seconds = SECONDS): Promise<HostileHour> {
    const hour: HostileHour = {
      sessions: { tried: 0, gotThrough: 0 },
      entries: { tried: 0, gotThrough: 0 },
      commits: { tried: 0, gotThrough: 0 },
      aiRequests: { tried: 0, gotThrough: 0 },
    };
    const lastCommitMs = this.#paces.map(() => Number.NEGATIVE_INFINITY);
    const trueNow = Date.now;
    let nowMs = startMs;
    Date.now = () => nowMs;
    try {
      for (let second = 0; second < seconds; second++) {
        nowMs = startMs + second * 1_000;
        await repeat(second, TRIED_A_SECOND.session, async (turn) => {
          const refusal = await this.#isolate(turn).limits.take('session', addressOf(turn));
          note(hour.sessions, refusal === null);
        });
        await repeat(second, TRIED_A_SECOND.entry, async (turn) => {
          const refusal = await this.#isolate(turn).limits.take('entry', addressOf(turn));
          note(hour.entries, refusal === null);
        });
        await repeat(second, TRIED_A_SECOND.ai, async (turn) => {
          const who = { userId: null, address: addressOf(turn), connectionId: '' };
          const person = await countedPerson(who, this.#config.JWT_SECRET);
          note(hour.aiRequests, (await this.#isolate(turn).ai.take(person)).isAllowed);
        });
        for (let frame = 0; frame < FRAMES_A_SECOND; frame++) {
          nowMs = startMs + second * 1_000 + Math.floor((frame * 1_000) / FRAMES_A_SECOND);
          for (const [room, pace] of this.#paces.entries()) {
            hour.commits.tried += 1;
            const verdict = pace.write(addressOf(room), nowMs);
            const pauseMs = verdict.pace === 'slow' ? SLOW_COMMIT_MS : this.#config.COMMIT_MIN_MS;
            // What is written within the pause joins the next commit.
            if (verdict.pace === 'none' || nowMs - (lastCommitMs[room] ?? 0) < pauseMs) continue;
            lastCommitMs[room] = nowMs;
            hour.commits.gotThrough += 1;
          }
          await Promise.all(this.#asked.splice(0));
        }
      }
    } finally {
      Date.now = trueNow;
    }
    return hour;
  }

  #isolate(turn: number): Isolate {
    const isolate = this.#isolates[turn % ISOLATES];
    if (!isolate) throw new Error('there is at least one isolate');
    return isolate;
  }
}

/** Does something so many times in this second, given the how manieth time it is. */
async function repeat(second: number, times: number, task: (turn: number) => Promise<void>): Promise<void> {
  for (let turn = Math.floor(second * times); turn < Math.floor((second + 1) * times); turn++)
    await task(turn);
}

function note(count: Tried, isAllowed: boolean): void {
  count.tried += 1;
  if (isAllowed) count.gotThrough += 1;
}

/** Of the networks in turn. */
const addressOf = (turn: number): string => `2001:db8:bad:${(turn % NETWORKS).toString(16)}::1`;
