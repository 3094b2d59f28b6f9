/** What happens to a frame before a handler gets its message: limits of rate and size, and parsing. */
import {
  type ClientMessageType,
  fitsBytes,
  MAX_FRAME_BYTES,
  parseClientMessage,
} from '../../protocol/index.ts';
import type { AccessRevocations } from '../connections/access-revocations.ts';
import { CLOSE } from '../connections/close-codes.ts';
import type { JoinedConnection } from '../connections/connection.ts';
import type { Departures } from '../connections/departures.ts';
import type { FloodGuard } from '../connections/flood-guard.ts';
import type { RateLimits } from '../connections/rate-limits.ts';
import { SLOW_COMMIT_MS, type StrangerPace } from '../connections/stranger-pace.ts';
import type { HostedSession } from '../document/hosted-session.ts';
import type { HandlerParts } from './context.ts';
import { dispatch } from './index.ts';

export type Frame = string | ArrayBuffer | ArrayBufferView;

export interface IncomingFramesOptions extends HandlerParts {
  session: HostedSession;
  limits: RateLimits;
  floodGuard: FloodGuard;
  revocations: AccessRevocations;
  departures: Departures;
  strangerPace: StrangerPace;
}

/** What is committed. */
const WRITES: ReadonlySet<ClientMessageType> = new Set([
  'code_update',
  'take_back',
  'chat_message',
  'switch_strudel',
  'play',
  'stop',
]);

export class IncomingFrames {
  readonly #options: IncomingFramesOptions;

  constructor(options: IncomingFramesOptions) {
    this.#options = options;
  }

  /** Resolves when the message's handler has; a frame that is refused never reaches one. */
  async receive(frame: Frame, sender: JoinedConnection, nowMs: number): Promise<void> {
    const { session, edits, floodGuard, limits, revocations, outbox, departures } = this.#options;
    const length = typeof frame === 'string' ? frame.length : frame.byteLength;
    const lateMs = session.live?.latencyMs ?? 0;
    const verdict = floodGuard.take(sender, length, nowMs, lateMs);
    if (verdict !== 'accept') {
      outbox.refuse(sender, 'too_many_requests', 'too many messages, slow down');
      // It may have been an edit, which later ones go on from.
      edits.setOutOfStep(sender, 'a message was dropped');
      if (verdict === 'disconnect') departures.ban(sender, nowMs);
      return;
    }
    if (length > MAX_FRAME_BYTES || (typeof frame === 'string' && !fitsBytes(frame, MAX_FRAME_BYTES))) {
      const message = `a message is at most ${MAX_FRAME_BYTES} bytes`;
      departures.close(sender, 'validation_error', message, CLOSE.tooLarge);
      return;
    }
    if (typeof frame !== 'string') {
      outbox.refuse(sender, 'bad_request', 'messages are text frames');
      return;
    }
    const parsed = parseClientMessage(frame);
    const { requestId } = parsed;
    if (!limits.takeMessage(sender, parsed.ok ? parsed.message.type : null, nowMs, lateMs)) {
      outbox.refuse(sender, 'too_many_requests', 'too many messages, slow down', { requestId });
      if (!parsed.ok || parsed.message.type === 'code_update') {
        edits.setOutOfStep(sender, 'an edit was dropped');
      }
      return;
    }
    if (revocations.ended) {
      outbox.refuse(sender, 'forbidden', 'the session has ended', { requestId });
      return;
    }
    if (!parsed.ok) {
      const { error, message, details } = parsed;
      outbox.refuse(sender, error, message, { requestId, details });
      edits.setOutOfStep(sender, 'a message was refused, which may have been an edit');
      return;
    }
    if (this.#refusesStranger(sender, parsed.message.type, requestId, nowMs)) return;
    await dispatch(parsed.message, { ...this.#options, sender, requestId });
  }

  /** Counts what people without an account write; says why when it is too much for one day. */
  #refusesStranger(
    sender: JoinedConnection,
    type: ClientMessageType,
    requestId: string | undefined,
    nowMs: number,
  ): boolean {
    const { userId, address } = sender.state;
    if (userId !== null || !WRITES.has(type)) return false;
    const { strangerPace, session, edits, outbox } = this.#options;
    const verdict = strangerPace.write(address, nowMs);
    if (verdict.pace === 'slow') session.live?.slowDown(SLOW_COMMIT_MS);
    if (verdict.pace !== 'none') return false;
    const hours = Math.ceil(verdict.resetMs / 3_600_000);
    const reason = `too much was written without an account today; sign in, or go on in ${hours} h`;
    outbox.refuse(sender, 'too_many_requests', reason, { requestId });
    if (type === 'code_update') edits.setOutOfStep(sender, reason);
    return true;
  }
}
