/** Whether the device has taken the sound away from what plays: for a call, say. Pure. */

/** Audio that starts takes a moment. */
const TOLD_MS = 1_000;

export class Interruption {
  #sinceMs: number | null = null;
  #said = false;

  /**
   * @param isSilenced it plays, and the audio stands still
   * @returns what it is now, when that has changed; null otherwise
   */
  changeAt(nowMs: number, isSilenced: boolean): boolean | null {
    this.#sinceMs = isSilenced ? (this.#sinceMs ?? nowMs) : null;
    const isInterrupted = this.#sinceMs !== null && nowMs - this.#sinceMs >= TOLD_MS;
    if (isInterrupted === this.#said) return null;
    this.#said = isInterrupted;
    return isInterrupted;
  }
}
