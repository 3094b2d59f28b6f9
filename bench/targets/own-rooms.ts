/** Rooms of the benchmark's own, in a process beside the stack. */
import { z } from 'zod';
import { startExtraProcess } from './extra-process.ts';

const readySchema = z.object({ url: z.url(), workerdPid: z.number() });

export interface OwnRooms {
  url: string;
  pid: number;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/**
 * @param script the file with their class and Worker, from the project's folder.
 * @param bindings what they find in their environment.
 * @param port a free one without it.
 */
export async function startOwnRooms(
  script: string,
  className: string,
  bindings: Record<string, string>,
  port?: string,
): Promise<OwnRooms> {
  const server = await startExtraProcess(
    'bench/rooms/serve.ts',
    {
      ...{ ROOMS_SCRIPT: script, ROOMS_CLASS: className, ROOMS_BINDINGS: JSON.stringify(bindings) },
      ...(port === undefined ? {} : { PORT: port }),
    },
    true,
  );
  const { url, workerdPid } = readySchema.parse(JSON.parse(server.line));
  return {
    url,
    pid: server.pid,
    stop: () => server.stop(),
    async kill() {
      process.kill(workerdPid, 'SIGKILL');
      await server.stop('SIGKILL');
    },
  };
}
