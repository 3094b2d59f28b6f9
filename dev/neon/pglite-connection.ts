/** One postgres:// client of PGlite: start-up, password, then its messages in turn with everyone else's. */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { protocol } from '@electric-sql/pglite';
import type { Credentials } from './credentials.ts';
import { isCopyFromStdin } from './engine.ts';
import type { PgliteBackend } from './pglite-backend.ts';
import { StatementNames } from './statement-names.ts';
import type { EndTurn } from './turns.ts';
import {
  cString,
  errorMessage,
  type Frame,
  FrameReader,
  message,
  readyForQuery,
  WireFormatError,
} from './wire.ts';

const protocolVersion3 = 196_608;
const requestCodes = { cancel: 80_877_102, ssl: 80_877_103, gss: 80_877_104 } as const;

/** Told to clients, who rely on some of them (libpq on `standard_conforming_strings`, for instance). */
const reportedSettings = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'standard_conforming_strings',
  'is_superuser',
] as const;

export interface PgliteConnectionOptions {
  readonly backend: PgliteBackend;
  readonly socket: Socket;
  readonly credentials: Credentials;
  /**
   * How long a client may sit in an open transaction while others wait. It then gets what Postgres' own
   * `idle_in_transaction_session_timeout` gives; without it a forgotten BEGIN in psql would stop everything.
   */
  readonly idleInTransactionMs: number;
  /** Called once, before the clean-up; returns whether this was the last client. */
  readonly onClose: () => Promise<boolean>;
  readonly log: (line: string) => void;
}

let connectionCount = 0;

export class PgliteConnection {
  readonly #options: PgliteConnectionOptions;
  readonly #socket: Socket;
  readonly #backend: PgliteBackend;
  readonly #reader = new FrameReader();
  readonly #id = ++connectionCount;
  readonly #names = new StatementNames(`c${this.#id}_`);
  #phase: 'startup' | 'password' | 'ready' = 'startup';
  #user = '';
  #database = '';
  /** Extended-protocol messages that wait for the Sync or Flush which sends them off. */
  #pending: Frame[] = [];
  /** A COPY FROM STDIN with its data so far. */
  #copy: Buffer[] | null = null;
  /**
   * After a refusal, the rest of a run of extended-protocol messages is skipped, as Postgres
   * does after an error.
   */
  #skipping = false;
  #endTurn: EndTurn | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  /** Messages are handled one after the other, whatever the chunks they come in. */
  #working: Promise<void> = Promise.resolve();
  #closing = false;
  #closed: Promise<void> | null = null;

  constructor(options: PgliteConnectionOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#backend = options.backend;
    this.#socket.on('data', (chunk: Buffer) => this.#enqueue(chunk));
    // Nothing to do on an error: `close` follows.
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => void this.#close());
  }

  /** Turns the client out as a server that shuts down does, and waits until its traces are gone. */
  async shutDown(): Promise<void> {
    this.#terminate('57P01', 'terminating connection due to administrator command');
    await this.#close();
  }

  #enqueue(chunk: Buffer): void {
    this.#reader.push(chunk);
    this.#working = this.#working.then(() => this.#drain());
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#closing && (await this.#handleNext()));
    } catch (error) {
      if (error instanceof WireFormatError) {
        this.#terminate('08P01', error.message);
        return;
      }
      this.#terminate('XX000', 'the database has stopped');
      this.#backend.stop('a connection failed', error);
    }
  }

  /** Handles one message; false when none is complete yet. */
  async #handleNext(): Promise<boolean> {
    if (this.#phase === 'startup') {
      const packet = this.#reader.nextStartup();
      if (packet !== null) this.#start(packet);
      return packet !== null;
    }
    const frame = this.#reader.next();
    if (frame === null) return false;
    if (this.#phase === 'password') await this.#authenticate(frame);
    else await this.#handle(frame);
    return true;
  }

  #start(packet: Buffer): void {
    const code = packet.readInt32BE(0);
    if (code === requestCodes.ssl || code === requestCodes.gss) {
      // Neither is offered; the client goes on in the clear, which loopback allows.
      this.#socket.write('N');
      return;
    }
    if (code === requestCodes.cancel) {
      // A statement runs to its end before this process can read anything, so there's nothing left to cancel.
      this.#leave();
      return;
    }
    if (code >>> 16 !== 3) throw new WireFormatError('unsupported frontend protocol');
    // Newer minor versions are told to do with 3.0.
    if (code !== protocolVersion3) this.#socket.write(message('v', protocolVersion3, 0));
    const settings = new Map<string, string>();
    for (let offset = 4; packet[offset] !== 0 && offset < packet.length; ) {
      const name = cString(packet, offset);
      const value = cString(packet, name.end + 1);
      settings.set(name.text, value.text);
      offset = value.end + 1;
    }
    this.#user = settings.get('user') ?? '';
    this.#database = settings.get('database') ?? this.#user;
    this.#phase = 'password';
    this.#socket.write(message('R', 3));
  }

  async #authenticate(frame: Frame): Promise<void> {
    const { user, password, database } = this.#options.credentials;
    if (frame.type !== 'p') throw new WireFormatError('expected a password');
    if (this.#user !== user || cString(frame.bytes, 5).text !== password) {
      this.#terminate('28P01', `password authentication failed for user "${this.#user}"`);
      return;
    }
    if (this.#database !== database) {
      this.#terminate('3D000', `database "${this.#database}" does not exist`);
      return;
    }
    await this.#takeTurn();
    const settings = await this.#readSettings();
    this.#maybeEndTurn();
    this.#phase = 'ready';
    this.#socket.write(
      Buffer.concat([
        message('R', 0),
        ...settings.map(([name, value]) => message('S', name, value)),
        message('K', this.#id, randomInt(2 ** 31)),
        readyForQuery('I'),
      ]),
    );
  }

  async #readSettings(): Promise<(readonly [string, string])[]> {
    const columns = reportedSettings.map((name) => `current_setting('${name}')`);
    const answer = await this.#backend.send(protocol.serialize.query(`SELECT ${columns.join(', ')}`));
    let values: (string | null)[] = [];
    new protocol.Parser().parse(answer, (part) => {
      if (part instanceof protocol.messages.DataRowMessage) values = part.fields;
    });
    return reportedSettings.map((name, index) => [name, values[index] ?? ''] as const);
  }

  async #handle(frame: Frame): Promise<void> {
    if (this.#copy !== null) {
      await this.#collectCopy(frame, this.#copy);
      return;
    }
    switch (frame.type) {
      case 'X':
        this.#leave();
        return;
      case 'd': // what is left of a COPY that failed
      case 'c':
      case 'f':
        return;
      case 'Q':
        await this.#simpleQuery(frame);
        return;
      case 'S':
        this.#skipping = false;
        this.#pending.push(frame);
        await this.#flush(true);
        return;
      case 'H':
        this.#pending.push(frame);
        await this.#flush(false);
        return;
      case 'F':
        this.#pending.push(frame);
        await this.#flush(true);
        return;
      case 'P':
        if (!this.#skipping && isCopyFromStdin(cString(frame.bytes, cString(frame.bytes, 5).end + 1).text)) {
          await this.#flush(false);
          this.#socket.write(copyRefused());
          this.#skipping = true;
        }
        this.#postpone(frame);
        return;
      case 'B':
      case 'D':
      case 'C':
      case 'E':
        this.#postpone(frame);
        return;
      default:
        throw new WireFormatError(`invalid frontend message type ${frame.type.charCodeAt(0)}`);
    }
  }

  #postpone(frame: Frame): void {
    if (!this.#skipping) this.#pending.push(frame);
  }

  async #simpleQuery(frame: Frame): Promise<void> {
    const { text } = cString(frame.bytes, 5);
    const isSingle = !/;\s*\S/.test(text);
    if (isCopyFromStdin(text) && isSingle) {
      // PGlite reads a COPY's data at once and ends the process when there is none, so the client is asked
      // for all of it first.
      this.#copy = [frame.bytes];
      this.#socket.write(message('G', Buffer.from([0, 0, 0])));
      return;
    }
    if (text.split(';').some(isCopyFromStdin)) {
      await this.#takeTurn();
      this.#socket.write(
        Buffer.concat([copyRefused(), readyForQuery(this.#backend.inTransaction ? 'T' : 'I')]),
      );
      this.#maybeEndTurn();
      return;
    }
    this.#pending.push(frame);
    await this.#flush(true);
  }

  async #collectCopy(frame: Frame, collected: Buffer[]): Promise<void> {
    if (frame.type === 'X') {
      this.#leave();
      return;
    }
    // The protocol has Flush and Sync ignored while data is coming in.
    if (frame.type === 'H' || frame.type === 'S') return;
    if (frame.type !== 'd' && frame.type !== 'c' && frame.type !== 'f') {
      throw new WireFormatError('unexpected message type during COPY from stdin');
    }
    collected.push(frame.bytes);
    if (frame.type === 'd') return;
    this.#copy = null;
    await this.#takeTurn();
    if (this.#closing) return;
    this.#socket.write(withoutCopyInResponse(await this.#backend.send(...collected)));
    this.#maybeEndTurn();
  }

  /**
   * Sends off what is pending.
   * @param endsRun whether the session then waits for a new run of messages (Sync and the like).
   */
  async #flush(endsRun: boolean): Promise<void> {
    const frames = this.#pending;
    this.#pending = [];
    await this.#takeTurn();
    // The client may have gone while it waited; what it asked for must then not happen any more.
    if (this.#closing) return;
    for (const frame of frames) {
      const obsolete = this.#names.closeBefore(frame);
      if (obsolete !== null) await this.#backend.send(obsolete, flushMessage);
      const answer = await this.#backend.send(this.#names.translate(frame).bytes);
      if (answer.length > 0) this.#socket.write(answer);
    }
    if (endsRun) this.#maybeEndTurn();
    else this.#watchIdling();
  }

  async #takeTurn(): Promise<void> {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
    this.#endTurn ??= await this.#backend.takeTurn();
  }

  /** Ends the turn, unless a transaction is open. */
  #maybeEndTurn(): void {
    if (this.#backend.inTransaction) {
      this.#watchIdling();
      return;
    }
    this.#endTurn?.();
    this.#endTurn = null;
  }

  #watchIdling(): void {
    this.#idleTimer = setTimeout(() => {
      if (this.#backend.waiting === 0) {
        this.#watchIdling();
        return;
      }
      this.#options.log('pglite: ended a connection that idled in a transaction while others waited');
      this.#terminate('25P03', 'terminating connection due to idle-in-transaction timeout');
    }, this.#options.idleInTransactionMs);
    this.#idleTimer.unref();
  }

  #terminate(code: string, text: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.end(errorMessage('FATAL', code, text));
    void this.#close();
  }

  #leave(): void {
    this.#closing = true;
    this.#socket.end();
    void this.#close();
  }

  #close(): Promise<void> {
    this.#closing = true;
    this.#closed ??= this.#cleanUp();
    return this.#closed;
  }

  /** Rolls back, and forgets what this client prepared; the socket may be long gone. */
  async #cleanUp(): Promise<void> {
    try {
      // Never in the middle of a message that is being handled; this is not itself part of that chain.
      await this.#working;
      const isLast = await this.#options.onClose();
      await this.#takeTurn();
      // First while a run of messages without its Sync may be open, for the Sync would commit that; and once
      // more after it, for a run that has failed skips everything up to the Sync.
      await this.#backend.run('ROLLBACK');
      await this.#backend.send(syncMessage);
      if (this.#backend.inTransaction) await this.#backend.run('ROLLBACK');
      await this.#backend.send(...this.#names.closeAll(), syncMessage);
      if (isLast) await this.#backend.run('DISCARD ALL');
    } catch (error) {
      this.#backend.stop('a connection failed', error);
    } finally {
      this.#endTurn?.();
      this.#endTurn = null;
      // A client that doesn't close its side would keep the server from closing.
      this.#socket.destroySoon();
    }
  }
}

const flushMessage = message('H');
const syncMessage = message('S');

function copyRefused(): Buffer {
  return errorMessage(
    'ERROR',
    '0A000',
    'this embedded database takes COPY FROM STDIN only as a single simple query',
  );
}

/** The client has had one already. */
function withoutCopyInResponse(answer: Buffer): Buffer {
  if (answer[0] !== 'G'.charCodeAt(0)) return answer;
  return answer.subarray(1 + answer.readInt32BE(1));
}
