/** Tells everybody how many there are of the participants who aren't listed one by one; now and then. */
import type { Clock } from '../../domain/clock.ts';
import { AUDIENCE_FRAMES_PER_SECOND } from '../../protocol/index.ts';
import type { Outbox } from './outbox.ts';
import type { Participants } from './participants.ts';

/** Changes within this time are told together. */
const LEAST_PAUSE_MS = 1_000;
/** Of the frames that an audience may cost, this part may be counts. */
const SHARE = 1 / 16;

interface AudienceCountOptions {
  participants: Pick<Participants, 'size' | 'unlisted'>;
  outbox: Pick<Outbox, 'broadcast'>;
  clock: Clock;
}

export class AudienceCount {
  readonly #options: AudienceCountOptions;
  #told = 0;
  #isScheduled = false;

  constructor(options: AudienceCountOptions) {
    this.#options = options;
  }

  /** One of them has come or left. */
  changed(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { participants, outbox, clock } = this.#options;
    const pauseMs = (participants.size * 1_000) / (AUDIENCE_FRAMES_PER_SECOND * SHARE);
    clock.setTimeout(
      () => {
        this.#isScheduled = false;
        const { unlisted } = participants;
        if (unlisted === this.#told) return;
        this.#told = unlisted;
        outbox.broadcast('audience', { watching: unlisted });
      },
      Math.max(LEAST_PAUSE_MS, pauseMs),
    );
  }
}
