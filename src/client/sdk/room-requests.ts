/** What this client asks the room for, and waits until the room has answered. */
import type { ChangeSet } from '@codemirror/state';
import { writeChanges } from '../../merging/index.ts';
import type { ClientMessage, ErrorCode, TakesBack } from '../../protocol/index.ts';
import type { CodeSync } from './code-sync.ts';
import { randomId } from './random-id.ts';
import type { KnockAnswer } from './session-client-types.ts';
import { WaitingRequests } from './waiting-requests.ts';

export interface RequestPorts {
  /** False when there is no connection that takes messages. */
  send(message: ClientMessage): boolean;
}

/** The methods are those of `SessionClient`, which says what they do. */
export class RoomRequests {
  readonly #sync: Pick<CodeSync, 'flush' | 'sentBase'>;
  readonly #ports: RequestPorts;
  readonly #waiting = new WaitingRequests();
  /** Requests to take something back that are steps of undo. */
  readonly #steps = new Set<string>();
  /** Makes request ids unique even where the counter starts again after a reload. */
  readonly #idPrefix = randomId().slice(0, 8);
  #idCounter = 0;
  #isSwitching = false;

  constructor(sync: Pick<CodeSync, 'flush' | 'sentBase'>, ports: RequestPorts) {
    this.#sync = sync;
    this.#ports = ports;
  }

  nextId(): string {
    this.#idCounter += 1;
    return `${this.#idPrefix}.${this.#idCounter.toString(36)}`;
  }

  /** A strudel's code that this client asked for is on its way. */
  get isSwitching(): boolean {
    return this.#isSwitching;
  }

  /** The change that answers this request is a step of undo here. */
  isStep(requestId: string | undefined): boolean {
    return requestId !== undefined && this.#steps.has(requestId);
  }

  async switchStrudel(strudelId: string | null, scratch: { code?: string }): Promise<void> {
    this.#sync.flush();
    const requestId = this.nextId();
    const payload = { strudel_id: strudelId, request_id: requestId, ...scratch };
    const answer = this.#ask(requestId, { type: 'switch_strudel', payload }, 'server_error');
    this.#isSwitching = true;
    try {
      await answer;
    } finally {
      this.#isSwitching = false;
    }
  }

  async takeBack(changes: ChangeSet, { rev, turn }: TakesBack, isStep: boolean): Promise<void> {
    // First, so that the room has the text that it was made on.
    this.#sync.flush();
    const base = this.#sync.sentBase;
    const requestId = this.nextId();
    const message: ClientMessage | null = base && {
      type: 'take_back',
      payload: {
        ...{ rev, turn, request_id: requestId },
        ...{ changes: writeChanges(changes), base_rev: base.baseRev, sync: base.sync },
      },
    };
    if (isStep) this.#steps.add(requestId);
    try {
      await this.#ask(requestId, message, 'disconnected');
    } finally {
      this.#steps.delete(requestId);
    }
  }

  answerKnock(knockId: string, answer: KnockAnswer): Promise<void> {
    const requestId = this.nextId();
    const payload = { knock_id: knockId, request_id: requestId, ...answer };
    return this.#ask(requestId, { type: 'answer_knock', payload }, 'server_error');
  }

  /** The room has answered a request. */
  answered(requestId: string): void {
    this.#waiting.answered(requestId);
  }

  /** @returns true when a caller waited for it: their promise tells them. */
  refused(requestId: string, code: ErrorCode, message: string): boolean {
    return this.#waiting.refused(requestId, code, message);
  }

  disconnected(): void {
    this.#waiting.disconnected();
  }

  /** @param unsent what the request is refused with where it can't be sent. */
  #ask(requestId: string, message: ClientMessage | null, unsent: ErrorCode | 'disconnected'): Promise<void> {
    const answer = this.#waiting.wait(requestId);
    const isSent = message !== null && this.#ports.send(message);
    if (!isSent) this.#waiting.refused(requestId, unsent, 'not connected');
    return answer;
  }
}
