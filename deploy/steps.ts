/**
 * A plan: steps that are shown, or done one after another. Each can be done again, whatever state it finds.
 */
import { messageOf } from '../dev/errors.ts';
import { DeployError } from './errors.ts';

export interface Step {
  title: string;
  /** What it would do, in lines to show. */
  show: () => readonly string[];
  run: () => Promise<void>;
}

/**
 * @throws {DeployError} at the first step that fails, naming it; the steps after it are not begun.
 */
export async function runSteps(steps: readonly Step[], note: (line: string) => void): Promise<void> {
  for (const [i, step] of steps.entries()) {
    note(steps.length === 1 ? step.title : `[${i + 1}/${steps.length}] ${step.title}`);
    try {
      await step.run();
    } catch (error) {
      throw failed(step, error);
    }
  }
}

/**
 * Does every step, also after one that failed, but for the last, which is done only when all before it were.
 * @throws {DeployError} naming each step that failed.
 */
export async function runAllSteps(steps: readonly Step[], note: (line: string) => void): Promise<void> {
  const failures: string[] = [];
  for (const [i, step] of steps.entries()) {
    if (i === steps.length - 1 && failures.length > 0) break;
    note(`[${i + 1}/${steps.length}] ${step.title}`);
    try {
      await step.run();
    } catch (error) {
      failures.push(failed(step, error).message);
    }
  }
  if (failures.length > 0) throw new DeployError(failures.join('\n'));
}

export function showSteps(steps: readonly Step[], note: (line: string) => void): void {
  for (const [i, step] of steps.entries()) {
    note(`[${i + 1}/${steps.length}] ${step.title}`);
    for (const line of step.show()) note(`  ${line}`);
  }
}

function failed(step: Step, error: unknown): Error {
  // A bug keeps its stack.
  if (error instanceof Error && !(error instanceof DeployError)) {
    return new Error(`${step.title}: ${messageOf(error)}`, { cause: error });
  }
  return new DeployError(`${step.title}: ${messageOf(error)}`);
}
