/** What the session's code is at the moment: a saved strudel, or scratch code; with the conversation that came with it. */
import { z } from 'zod';
import { type ConversationEntry, type ServerPayload, utf8Bytes } from '../../protocol/index.ts';
import type { RoomStorage } from '../host.ts';

const KEY = 'strudel';
/**
 * What is kept of a conversation: its end. A value in a room's storage has 128 KiB at most, and text there may take two
 * bytes where UTF-8 takes one.
 */
const MAX_KEPT_ENTRIES = 50;
const MAX_KEPT_BYTES = 48 * 1024;

type WireConversation = ServerPayload<'session_state'>['conversation_history'];

/** One turn of the conversation that came with the code. */
export interface BroughtEntry extends ConversationEntry {
  id: string;
  isCodeResponse: boolean;
  createdAtMs: number;
}

const contextSchema = z.object({
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
type Context = z.infer<typeof contextSchema>;

const SCRATCH: Context = { strudelId: null, brought: [] };

export class StrudelContext {
  readonly #storage: Pick<RoomStorage, 'get' | 'put'>;
  #context: Context = SCRATCH;
  #loading: Promise<void> | null = null;

  constructor(storage: Pick<RoomStorage, 'get' | 'put'>) {
    this.#storage = storage;
  }

  /** Reads what an earlier instance left; everything else needs it. */
  load(): Promise<void> {
    this.#loading ??= this.#storage.get(KEY).then((stored) => {
      this.#context = contextSchema.catch(SCRATCH).parse(stored ?? SCRATCH);
    });
    return this.#loading;
  }

  /** The saved strudel that the session is about; null for scratch code. */
  get strudelId(): string | null {
    return this.#context.strudelId;
  }

  /** The conversation that came with the code, oldest first. */
  get entries(): readonly ConversationEntry[] {
    return this.#context.brought.map(({ role, content }) => ({ role, content }));
  }

  /** The same, as `session_state` shows it. */
  get brought(): WireConversation {
    return this.#context.brought.map(({ id, role, content, isCodeResponse, createdAtMs }) => ({
      id,
      role,
      content,
      is_code_response: isCodeResponse,
      display_name: null,
      timestamp: createdAtMs,
    }));
  }

  switchTo(strudelId: string | null, conversation: readonly BroughtEntry[]): void {
    this.#context = { strudelId, brought: newestThatFit(conversation) };
    // Not awaited: nothing leaves the room before its writes are on disk.
    void this.#storage.put(KEY, this.#context);
  }
}

/** The end of a conversation, as much of it as is kept. */
export function newestThatFit(conversation: readonly BroughtEntry[]): BroughtEntry[] {
  let bytes = 0;
  const newest = conversation.slice(-MAX_KEPT_ENTRIES);
  const from = newest.findLastIndex((entry) => {
    bytes += utf8Bytes(entry.content);
    return bytes > MAX_KEPT_BYTES;
  });
  return newest.slice(from + 1);
}
