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
  /** The strudel whose code became scratch code; null: the code is of no other. */
  codeOf: z.string().nullable().default(null),
  /** What the strudel said when it was loaded, for when it can't be asked any more. */
  isAiForbidden: z.boolean().default(false),
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

const SCRATCH: Stored = { strudelId: null, codeOf: null, isAiForbidden: false, brought: [] };

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

  /**
   * Whose author says whether the AI may be given the code: the strudel that is loaded, or the one whose code
   * became scratch code. Null: it is nobody's but the participants'.
   */
  get aiSubject(): { strudelId: string; wasForbidden: boolean } | null {
    const { strudelId, codeOf, isAiForbidden: wasForbidden } = this.#context;
    const subject = strudelId ?? codeOf;
    return subject === null ? null : { strudelId: subject, wasForbidden };
  }

  /** The scratch code has been empty: what it is now is the participants' own. */
  forgetOrigin(): void {
    if (this.#context.strudelId !== null || this.#context.codeOf === null) return;
    this.#set({ ...this.#context, codeOf: null, isAiForbidden: false });
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

  /**
   * From now on the code belongs to this strudel, or to none (null).
   * @param to.keepsCode the code stays as it is, and whose it was is remembered.
   */
  switchTo(to: {
    strudelId: string | null;
    conversation: readonly ImportedEntry[];
    isAiForbidden?: boolean;
    keepsCode?: boolean;
  }): void {
    const { strudelId, isAiForbidden = false, keepsCode = false } = to;
    const subject = keepsCode ? this.aiSubject : null;
    this.#set({
      strudelId,
      codeOf: subject?.strudelId ?? null,
      isAiForbidden: subject?.wasForbidden ?? isAiForbidden,
      brought: newestThatFit(to.conversation),
    });
  }

  #set(context: Stored): void {
    this.#context = context;
    // Not awaited: the platform sends nothing that the room says before the room's writes are on disk.
    void this.#storage.put(KEY, context);
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
