/** What the rooms' isolate spends its time on, by V8's inspector. */
import { WebSocket } from 'ws';
import { z } from 'zod';

/** Loose: the file is to have all that developer tools want, such as each node's children. */
const profileSchema = z.looseObject({
  nodes: z.array(
    z.looseObject({
      id: z.number(),
      callFrame: z.looseObject({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
const answerSchema = z.object({
  id: z.number().optional(),
  result: z.object({ profile: profileSchema.optional() }).optional(),
  error: z.object({ message: z.string() }).optional(),
});

/** Between two looks at the stack, in microseconds. */
const INTERVAL_US = 250;
const [ENABLE, INTERVAL, START, STOP] = [1, 2, 3, 4];

export interface CpuProfile {
  /** As the developer tools of browsers read it. */
  json: object;
  /** Share of the time that wasn't idle, by function itself; greatest first. */
  shares: { name: string; share: number }[];
}

export class CpuProfiler {
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async start(inspectorUrl: string): Promise<CpuProfiler> {
    const socket = new WebSocket(inspectorUrl, { maxPayload: 2 ** 30 });
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    const profiler = new CpuProfiler(socket);
    await profiler.#ask(ENABLE, 'Profiler.enable');
    await profiler.#ask(INTERVAL, 'Profiler.setSamplingInterval', { interval: INTERVAL_US });
    await profiler.#ask(START, 'Profiler.start');
    return profiler;
  }

  async stop(): Promise<CpuProfile> {
    try {
      const { profile } = (await this.#ask(STOP, 'Profiler.stop')) ?? {};
      if (!profile) throw new Error('the inspector gave no profile');
      return { json: profile, shares: sharesOf(profile) };
    } finally {
      this.#socket.close();
    }
  }

  #ask(id: number, method: string, params: object = {}) {
    return new Promise<z.infer<typeof answerSchema>['result']>((resolve, reject) => {
      const hear = (data: unknown) => {
        const answer = answerSchema.safeParse(JSON.parse(String(data))).data;
        if (answer?.id !== id) return;
        this.#socket.off('message', hear);
        if (answer.error) reject(new Error(answer.error.message));
        else resolve(answer.result);
      };
      this.#socket.on('message', hear);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}

function sharesOf({ nodes, samples, timeDeltas }: z.infer<typeof profileSchema>): CpuProfile['shares'] {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      url === ''
        ? functionName
        : `${functionName || '(anonymous)'} ${url.split('/').pop()}:${lineNumber + 1}`,
    ]),
  );
  const times = new Map<string, number>();
  samples.forEach((id, i) => {
    const name = names.get(id) ?? '';
    if (name !== '(idle)') times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0));
  });
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times].map(([name, time]) => ({ name, share: time / total })).sort((a, b) => b.share - a.share);
}
