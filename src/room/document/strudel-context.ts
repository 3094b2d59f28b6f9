/**
 * What the session's code belongs to: a saved strudel, or nothing yet (scratch code); and the conversation
 * imported with it.
 */
import { z } from 'zod';
import { type ConversationEntry, type ServerPayload, utf8Bytes } from '../../protocol/index.ts';
import type { RoomStorage } from '../host.ts';

const KEY = 'strudel';
/**
 * The end of a conversation is kept: a value in a room's storage has 128 KiB at most, and text may take two
 * bytes there where UTF-8 takes one.
 */
const MAX_KEPT_ENTRIES = 50;
const MAX_KEPT_BYTES = 48 * 1024;

type WireConversation = ServerPayload<'session_state'>['conversation_history'];

/** One turn of the conversation that was imported with the code. */
export interface ImportedEntry extends ConversationEntry {
  id: string;
  isCodeResponse: boolean;
  createdAtMs: number;
}

/** The stored format; `brought` is its name for the imported conversation. */
const storedSchema = z.object({
  strudelId: z.string().nullable(),
  brought: z.array(
    z.object({
      id: z.string(),
      role: z.enum(['user', 'assistant']),
      content: z.string(),
      isCodeResponse: z.boolean(),
      createdAtMs: z.number(),
    }),
  ),
});
type Stored = z.infer<typeof storedSchema>;

const SCRATCH: Stored = { strudelId: null, brought: [] };

export class StrudelContext {
  readonly #storage: Pick<RoomStorage, 'get' | 'put'>;
  #context: Stored = SCRATCH;
  #loading: Promise<void> | null = null;

  constructor(storage: Pick<RoomStorage, 'get' | 'put'>) {
    this.#storage = storage;
  }

  /** Reads what an earlier instance stored. Nothing else here is right before it has resolved. */
  load(): Promise<void> {
    this.#loading ??= this.#storage.get(KEY).then((stored) => {
      this.#context = storedSchema.catch(SCRATCH).parse(stored ?? SCRATCH);
    });
    return this.#loading;
  }

  /** The saved strudel that the code belongs to; null for scratch code. */
  get strudelId(): string | null {
    return this.#context.strudelId;
  }

  /** The imported conversation, oldest turn first, as the AI gets it. */
  get importedTurns(): readonly ConversationEntry[] {
    return this.#context.brought.map(({ role, content }) => ({ role, content }));
  }

  /** The same, as `session_state` shows it. */
  get importedConversation(): WireConversation {
    return this.#context.brought.map(({ id, role, content, isCodeResponse, createdAtMs }) => ({
      id,
      role,
      content,
      is_code_response: isCodeResponse,
      display_name: null,
      timestamp: createdAtMs,
    }));
  }

  /** From now on the code belongs to this strudel, or to none (null). */
  switchTo(strudelId: string | null, conversation: readonly ImportedEntry[]): void {
    this.#context = { strudelId, brought: newestThatFit(conversation) };
    // Not awaited: the platform sends nothing that the room says before the room's writes are on disk.
    void this.#storage.put(KEY, this.#context);
  }
}

/** The end of a conversation, as much of it as is kept. */
export function newestThatFit(conversation: readonly ImportedEntry[]): ImportedEntry[] {
  let bytes = 0;
  const newest = conversation.slice(-MAX_KEPT_ENTRIES);
  const from = newest.findLastIndex((entry) => {
    bytes += utf8Bytes(entry.content);
    return bytes > MAX_KEPT_BYTES;
  });
  return newest.slice(from + 1);
}
