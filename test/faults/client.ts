/**
 * One person of the load: the product's own client, its promises written down, its view of the order checked.
 */
import { WebSocket } from 'ws';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import type { ServerMessage } from '../../src/protocol/index.ts';
import type { Ledger } from './ledger.ts';

/** Errors that a client must expect while stores are in trouble; it tries again by itself. */
const EXPECTED_ERRORS: ReadonlySet<string> = new Set(['too_many_requests', 'server_error']);

export class FaultClient {
  readonly name: string;
  readonly client: SessionClient;
  readonly #ledger: Ledger;
  /** Texts by request id. */
  readonly #texts = new Map<string, string>();
  #seq = 0;
  #rev = 0;
  #chatPosition = 0;
  readonly #chats = new Set<string>();
  #count = 0;

  constructor(options: { roomUrl: string; token: string; name: string; ledger: Ledger }) {
    const { name, ledger } = options;
    this.name = name;
    this.#ledger = ledger;
    this.client = new SessionClient({
      url: options.roomUrl,
      sessionId: ledger.sessionId,
      token: options.token,
      WebSocket,
      minReconnectMs: 100,
      maxReconnectMs: 1_000,
      pingIntervalMs: 4_000,
      silenceLimitMs: 15_000,
    });
    this.client.on('message', (message) => this.#heard(message));
    this.client.on('edit', ({ status, reason }) => {
      if (status === 'refused') this.#violate(`an edit was refused: ${reason}`);
    });
    this.client.on('error', ({ error, message }) => {
      if (!EXPECTED_ERRORS.has(error)) this.#violate(`was told ${error}: ${message}`);
    });
  }

  get isConnected(): boolean {
    return this.client.snapshot.connection.state === 'open';
  }

  /** What it is about, in words. */
  get state(): string {
    const { connection, edits, chat, degraded } = this.client.snapshot;
    const edit = edits.findLast(({ status }) => status === 'pending');
    const chats = chat.filter(({ status }) => status === 'pending' || status === 'sent').length;
    const waits = `${edit ? `edit ${edit.requestId}` : 'no edit'} and ${chats} messages`;
    const cause = connection.state === 'closed' ? ` (${connection.cause})` : '';
    return `${this.name} is ${connection.state}${cause}${degraded ? `, ${degraded.reason}` : ''}, waits for ${waits}`;
  }

  /** Makes an edit that no other edit looks like. @param filler what else is in it. */
  edit(filler: string): void {
    this.#count += 1;
    const text = `// ${this.name} ${this.#count}\n${filler}`;
    const requestId = this.client.edit(text);
    if (requestId === null) return;
    // One that waits to be sent takes the newer text, under the id it has.
    const replaced = this.#texts.get(requestId);
    if (replaced !== undefined) this.#ledger.edits.delete(replaced);
    this.#texts.set(requestId, text);
    this.#ledger.edits.add(text);
  }

  chat(filler: string): void {
    this.#count += 1;
    const text = `${this.name} ${this.#count} ${filler}`;
    const id = this.client.chat(text);
    if (id !== null) this.#ledger.messages.set(id, { text, by: this.name });
  }

  /** Drops the connection and comes back, as a phone in a tunnel does. */
  drop(): void {
    this.client.reconnect();
  }

  close(): void {
    this.client.close();
  }

  #heard(message: ServerMessage): void {
    const { type, seq } = message;
    if (seq !== undefined) {
      if (type !== 'session_state' && seq <= this.#seq)
        this.#violate(`${type} number ${seq} after ${this.#seq}`);
      this.#seq = seq;
    }
    switch (message.type) {
      case 'session_state':
        // Another connection, and maybe another room, counts anew.
        this.#rev = message.payload.rev;
        this.#chatPosition = 0;
        this.#chats.clear();
        this.#ledger.flushed.push({ rev: message.payload.flushed_rev, atMs: Date.now() });
        return;
      case 'code_update':
        if (message.payload.rev <= this.#rev)
          this.#violate(`revision ${message.payload.rev} after ${this.#rev}`);
        this.#rev = message.payload.rev;
        return;
      case 'chat_message': {
        const { id, position = 0 } = message.payload;
        if (this.#chats.has(id)) this.#violate(`message ${id} was shown twice`);
        if (position <= this.#chatPosition)
          this.#violate(`a message at ${position} after one at ${this.#chatPosition}`);
        this.#chats.add(id);
        this.#chatPosition = position;
        this.#ledger.show(id, position);
        return;
      }
      case 'ack': {
        const { rev, request_id: requestId, message_id: messageId } = message.payload;
        if (messageId !== undefined) this.#ledger.ackedMessages.add(messageId);
        if (requestId === undefined || rev === undefined) return;
        const text = this.#texts.get(requestId);
        if (text === undefined) this.#violate(`an ack for ${requestId}, which it never sent`);
        else this.#ledger.ackEdit(text, rev);
        return;
      }
      case 'degraded':
        if (message.payload.reason === 'buffer_unavailable') this.#ledger.stoodIn = true;
        return;
      case 'flushed':
        this.#ledger.flushed.push({ rev: message.payload.rev, atMs: Date.now() });
        return;
      default:
    }
  }

  #violate(what: string): void {
    this.#ledger.violate(`${this.name}: ${what}`);
  }
}
