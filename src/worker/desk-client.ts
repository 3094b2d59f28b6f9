/** Sends questions for the AI to the object of the person who asks. */
import type { GenerateRequest } from '../protocol/messages.ts';
import { type CountedPerson, DESK_PATHS, type SentDeskRequest } from '../room/agent/desk-request.ts';
import { ApiError } from './errors.ts';
import { describeUnexpected, logError } from './log.ts';
import type { DeskStubs } from './platform.ts';

interface Asker {
  userId: string | null;
  /** null where the platform doesn't say. */
  address: string | null;
}

export class DeskClient {
  readonly #desks: DeskStubs;
  readonly #personOf: (asker: Asker) => Promise<CountedPerson>;

  /** @param personOf for whom a question counts. */
  constructor(desks: DeskStubs, personOf: (asker: Asker) => Promise<CountedPerson>) {
    this.#desks = desks;
    this.#personOf = personOf;
  }

  /**
   * Asks. The object's answer is the route's.
   * @param how.signal of the caller's request: the provider's ends with it.
   * @throws {ApiError} 503 when the object can't be reached.
   */
  async ask(
    question: GenerateRequest,
    asker: Asker,
    how: { answer: keyof typeof DESK_PATHS; signal: AbortSignal | undefined },
  ): Promise<Response> {
    const person = await this.#personOf(asker);
    const sent: SentDeskRequest = { person, userId: asker.userId, question };
    try {
      return await this.#desks.fetch(`${person.kind} ${person.id}`, DESK_PATHS[how.answer], {
        method: 'POST',
        body: JSON.stringify(sent),
        ...(how.signal ? { signal: how.signal } : {}),
      });
    } catch (error) {
      logError('desk_unavailable', describeUnexpected(error));
      throw new ApiError(503, 'ai_unavailable', 'the AI is out of reach, try again in a moment');
    }
  }
}
