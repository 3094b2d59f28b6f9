/** A session's newest messages, and which are known: read from storage once, and kept along from then on. */
import type { Clock } from '../../domain/clock.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { mergeMessages } from '../../domain/merge-messages.ts';
import { COUNTS_PER_TERM, numberIn } from '../../domain/revision.ts';
import {
  DEFAULT_DISPLAY_NAME,
  type SaidMessage,
  type SessionMessage,
  type SessionRepository,
} from '../../domain/types.ts';

/** The newest messages, oldest first; not `isWhole` while storage can't be asked for the old ones. */
export interface Messages {
  messages: readonly SaidMessage[];
  isWhole: boolean;
}

/** A message before the room has given it a time and a place in the order. */
export type NewMessage = Omit<SaidMessage, 'createdAtMs' | 'position'>;

/** Ids kept to tell a resend by; storage tells older ones. */
const MAX_KNOWN_IDS = 5_000;

export interface MessageHistoryPorts {
  repository: Pick<SessionRepository, 'getMessages'>;
  /** The old messages can be read now; connections that asked before lack some. */
  onRead(): void;
  log(event: string, detail: string): void;
  clock: Clock;
}

export class MessageHistory {
  readonly #sessionId: string;
  readonly #term: number;
  readonly #options: { size: number; retryMs: number };
  readonly #ports: MessageHistoryPorts;
  readonly #known = new Set<string>();
  #newest: SaidMessage[] = [];
  /** Messages of this term. */
  #count = 0;
  /** Whether storage could be read; null: it is to be asked. */
  #reading: Promise<boolean> | null = null;
  #cancelRetry: (() => void) | null = null;
  #isClosed = false;

  /**
   * @param options.size messages kept.
   * @param options.retryMs pause before storage that was out of reach is asked again.
   */
  constructor(
    sessionId: string,
    term: number,
    options: { size: number; retryMs: number },
    ports: MessageHistoryPorts,
  ) {
    this.#sessionId = sessionId;
    this.#term = term;
    this.#options = options;
    this.#ports = ports;
  }

  /** How much of the term is used: 1 would be all of it. */
  get termUse(): number {
    return this.#count / COUNTS_PER_TERM;
  }

  /** True when a message with this id was accepted before. */
  knows(id: string): boolean {
    return this.#known.has(id);
  }

  /** Gives a message its time and its place after all that were accepted before. */
  place<M extends Omit<SessionMessage, 'createdAtMs' | 'position'>>(
    message: M,
  ): M & Pick<SessionMessage, 'createdAtMs' | 'position'> {
    this.#count += 1;
    return {
      ...message,
      createdAtMs: this.#ports.clock.now(),
      position: numberIn(this.#term, this.#count),
    };
  }

  remember(message: SaidMessage): void {
    this.#known.add(message.id);
    if (this.#known.size > MAX_KNOWN_IDS) {
      for (const oldest of [...this.#known].slice(0, 1_000)) this.#known.delete(oldest);
    }
    this.#newest = mergeMessages(this.#newest, [message], { limit: this.#options.size });
  }

  /** A user has deleted their account: what they said stays, without their name. */
  forgetUser(userId: string): void {
    this.#newest = this.#newest.map((message) =>
      message.userId === userId
        ? { ...message, userId: null, displayName: DEFAULT_DISPLAY_NAME, avatarUrl: null }
        : message,
    );
  }

  /** Entering a session doesn't depend on its old messages: should storage be out of reach, they follow. */
  async read(): Promise<Messages> {
    this.#reading ??= this.#read();
    const isWhole = await this.#reading;
    return { messages: this.#newest, isWhole };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
  }

  async #read(): Promise<boolean> {
    const { repository, log, clock, onRead } = this.#ports;
    try {
      const stored = await repository.getMessages(this.#sessionId, { limit: this.#options.size });
      for (const message of stored) this.remember(message);
      return true;
    } catch (error) {
      this.#reading = null;
      if (!(error instanceof StorageUnavailableError)) throw error;
      log('history_unavailable', error.message);
      if (this.#isClosed) return false;
      this.#cancelRetry ??= clock.setTimeout(() => {
        this.#cancelRetry = null;
        this.read().then(
          ({ isWhole }) => isWhole && onRead(),
          (failure: unknown) => log('history_failed', failure instanceof Error ? failure.message : 'unknown'),
        );
      }, this.#options.retryMs);
      return false;
    }
  }
}
