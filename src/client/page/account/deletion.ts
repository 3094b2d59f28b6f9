/** Deleting an account, which takes as many requests as it has sessions for. */

/** Requests in a row that get nowhere: something is wrong then that more of them don't mend. */
const MAX_IDLE = 5;

/**
 * @param ask deletes some, and says how many sessions remain.
 * @param onRemaining is told so after each.
 * @throws {Error} in words for people; what is deleted by then stays so, and it can be gone on with.
 */
export async function deleteAll(
  ask: () => Promise<number>,
  onRemaining: (remaining: number) => void,
): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  for (let idle = 0; idle < MAX_IDLE; ) {
    const remaining = await ask();
    if (remaining === 0) return;
    onRemaining(remaining);
    idle = remaining < least ? 0 : idle + 1;
    least = Math.min(least, remaining);
  }
  throw new Error(`${least} sessions could not be deleted yet. Please try again in a while.`);
}
