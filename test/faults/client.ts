/**
 * One person of the load: the product's own client, its promises written down, its view of the order checked.
 */
import { ChangeSet, Text } from '@codemirror/state';
import { WebSocket } from 'ws';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import { MAX_CODE_BYTES, type ServerMessage } from '../../src/protocol/index.ts';
import type { Ledger } from './ledger.ts';

/** Errors that a client must expect while stores are in trouble; it tries again by itself. */
const EXPECTED_ERRORS: ReadonlySet<string> = new Set(['too_many_requests', 'server_error']);

/** Then lines are replaced, so that the code stays below its limit whatever several write at once. */
const MAX_CHARS = 30_000;
/** Fillers end here; it leaves room for what others type meanwhile, unless a fault lasts very long. */
const MOST_CHARS = MAX_CODE_BYTES - 16 * 1024;

export class FaultClient {
  readonly name: string;
  readonly client: SessionClient;
  readonly #ledger: Ledger;
  /** What is typed and not acknowledged, by the number of the edit that has it. */
  readonly #texts = new Map<number, string[]>();
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
    this.client.subscribe(({ heldBack }) => {
      // Listeners must not change what they are told of.
      if (heldBack !== null) queueMicrotask(() => this.#shorten());
    });
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
    const { connection, edits, chat, degraded, heldBack } = this.client.snapshot;
    const edit = edits.findLast(({ status }) => status === 'pending');
    const chats = chat.filter(({ status }) => status === 'pending' || status === 'sent').length;
    const why = [degraded?.reason, heldBack].filter(Boolean).map((reason) => `, ${reason}`);
    const waits = `${edit ? `edit ${edit.clientSeq}` : 'no edit'} and ${chats} messages`;
    const cause = connection.state === 'closed' ? ` (${connection.cause})` : '';
    return `${this.name} is ${connection.state}${cause}${why.join('')}, waits for ${waits}`;
  }

  /**
   * Types a line that is like no other, somewhere in the text; now and then in the place of another, and
   * always where the text gets long.
   * @param filler what else is in it.
   */
  edit(filler: string): void {
    const { text } = this.client;
    this.#count += 1;
    const mark = `// ${this.name} ${this.#count};`;
    const line = text.line(1 + ((this.#count * 7) % text.lines));
    const isReplaced = line.number < text.lines && (this.#count % 5 === 0 || text.length > MAX_CHARS);
    const to = isReplaced ? line.to + 1 : line.from;
    if (isReplaced) this.#willDelete(line.text);
    const fits = Math.max(1, MOST_CHARS - text.length);
    const insert = Text.of([`${mark} ${filler.slice(0, fits)}`, '']);
    const clientSeq = this.client.change(ChangeSet.of({ from: line.from, to, insert }, text.length));
    if (clientSeq === null) return;
    this.#texts.set(clientSeq, [...(this.#texts.get(clientSeq) ?? []), mark]);
    this.#ledger.edits.add(mark);
  }

  /** Makes room where what several typed is too much together: nothing is sent before. */
  #shorten(): void {
    if (this.client.snapshot.heldBack === null) return;
    const { text } = this.client;
    const { to } = text.lineAt(text.length - MOST_CHARS);
    this.#willDelete(text.sliceString(0, to));
    this.client.change(ChangeSet.of({ from: 0, to }, text.length));
  }

  #willDelete(text: string): void {
    for (const gone of this.#ledger.edits) if (text.includes(gone)) this.#ledger.deleted.add(gone);
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
        // One that was committed, and died before it was sent around, is shown here.
        for (const { id, position } of message.payload.chat_history) {
          if (position !== undefined) this.#ledger.show(id, position);
        }
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
        const { rev, client_seq: clientSeq, message_id: messageId, durable } = message.payload;
        if (durable === 'postgres') this.#ledger.stoodIn = true;
        if (messageId !== undefined) this.#ledger.ackedMessages.add(messageId);
        if (clientSeq === undefined || rev === undefined) return;
        for (const [seq, texts] of this.#texts) {
          if (seq > clientSeq) continue;
          for (const text of texts) this.#ledger.ackEdit(text, rev);
          this.#texts.delete(seq);
        }
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
