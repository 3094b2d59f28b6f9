/** `npm run dev`: starts the local stack, says where it is, and keeps it until it is told to stop. */
import { readyBlock } from './announce.ts';
import { messageOf, StackError } from './errors.ts';
import { parseOptions, type StackOptions, USAGE } from './options.ts';
import { Output } from './output.ts';
import { findOwners } from './owners.ts';
import { isAlive } from './process-table.ts';
import { Stack } from './stack.ts';

const OWNER_POLL_MS = 500;
/**
 * Ctrl-C can arrive twice, from the terminal and from a wrapper that passes it on; that is still one Ctrl-C.
 */
const SAME_SIGNAL_MS = 400;

const output = new Output();
// The reader of our output may be gone; the parts must be ended all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options === null) process.stdout.write(USAGE);
  else await run(options);
} catch (error) {
  // A bug shows its stack; what the developer can mend shows what to mend.
  output.note(
    error instanceof StackError
      ? error.message
      : error instanceof Error
        ? String(error.stack)
        : messageOf(error),
  );
  process.exitCode = 1;
}

async function run(options: StackOptions): Promise<void> {
  const stack = new Stack(options, process.env, output);
  const stopped = stopOnSignals(stack, options);
  try {
    const { addresses, engines } = await stack.start();
    process.stdout.write(options.isJson ? `${JSON.stringify(addresses)}\n` : readyBlock(addresses, engines));
  } catch (error) {
    if (stopped.hasBegun()) {
      await stopped.done;
      return;
    }
    output.note(
      error instanceof StackError
        ? error.message
        : error instanceof Error
          ? String(error.stack)
          : String(error),
    );
    await stack.stop();
    process.exit(1);
  }
}

/**
 * Stops the stack at a signal, when the process that it belongs to is gone, and when the
 * supervisor itself fails.
 */
function stopOnSignals(stack: Stack, options: StackOptions): { hasBegun(): boolean; done: Promise<void> } {
  let begunAtMs: number | null = null;
  let finish = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const stop = async (why: string, exitCode: number) => {
    if (begunAtMs !== null) return;
    begunAtMs = Date.now();
    output.note(`${why}: stopping`);
    await stack.stop();
    output.note('stopped');
    finish();
    process.exit(exitCode);
  };

  // Being stopped is how it normally ends: no failure.
  const onSignal = (signal: NodeJS.Signals) => {
    if (begunAtMs === null) {
      void stop(signal, 0);
    } else if (Date.now() - begunAtMs > SAME_SIGNAL_MS) {
      output.note(`${signal} again: killing`);
      void stack.kill().then(() => process.exit(0));
    }
  };
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);

  process.on('uncaughtException', (error) => {
    output.note(String(error.stack));
    void stop('the supervisor failed', 1);
  });
  process.on('unhandledRejection', (reason) => {
    output.note(reason instanceof Error ? String(reason.stack) : String(reason));
    void stop('the supervisor failed', 1);
  });

  const owners = findOwners(options.isEphemeral);
  if (owners.length > 0) {
    setInterval(() => {
      if (!owners.every(isAlive)) void stop('the process that started it is gone', 0);
    }, OWNER_POLL_MS).unref();
  }
  return { hasBegun: () => begunAtMs !== null, done };
}
