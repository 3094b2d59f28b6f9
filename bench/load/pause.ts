/** How long a person's client waits between two frames, as the page's does. */
import { editPauseMs } from '../../src/client/sdk/code-sync.ts';
import type { LoadPlan } from './plan.ts';

/** The page's least pause. */
const EDIT_INTERVAL_MS = 50;

/** In milliseconds. @param unacknowledged frames that were sent and aren't acknowledged. */
export function pauseMs({ pace }: Pick<LoadPlan, 'pace'>, unacknowledged: number): number {
  return pace === 'none' ? 0 : editPauseMs(EDIT_INTERVAL_MS, unacknowledged);
}
