/** Saved strudels: patterns that people keep, with the conversation that made them. Not buffered. */
import type { Page, PageRequest } from './page.ts';
import type { MessageRole } from './types.ts';

export interface Strudel {
  id: string;
  userId: string;
  title: string;
  code: string;
  description: string | null;
  tags: string[];
  isPublic: boolean;
  createdAtMs: number;
  updatedAtMs: number;
}

export interface StrudelMessage {
  role: MessageRole;
  content: string;
  isActionable: boolean;
  isCodeResponse: boolean;
  createdAtMs: number;
}

/** A strudel and its conversation, oldest turn first. */
export interface SavedStrudel {
  strudel: Strudel;
  conversation: StrudelMessage[];
}

export type NewStrudel = Pick<Strudel, 'userId' | 'title' | 'code' | 'description' | 'tags' | 'isPublic'> & {
  conversation: readonly Omit<StrudelMessage, 'createdAtMs'>[];
};

/** What is left out stays as it is; a given conversation replaces the one there was. */
export type StrudelChange = { [Key in keyof Omit<NewStrudel, 'userId'>]?: NewStrudel[Key] | undefined };

export interface StrudelQuery extends PageRequest {
  /** Somebody's own; null: everybody's public ones. */
  userId: string | null;
  /** Part of a title, any case. */
  search?: string | undefined;
  tag?: string | undefined;
}

/** Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing. */
export interface StrudelRepository {
  create(input: NewStrudel): Promise<SavedStrudel>;
  /** null when there is none, or it is neither theirs nor public. */
  get(id: string, readerId: string | null): Promise<SavedStrudel | null>;
  /** Those changed last come first. Of a long conversation, each has the newest turns. */
  list(query: StrudelQuery): Promise<Page<SavedStrudel>>;
  /** null when there is none of this owner. */
  update(id: string, ownerId: string, change: StrudelChange): Promise<SavedStrudel | null>;
  /** False when there was none of this owner. */
  delete(id: string, ownerId: string): Promise<boolean>;
}
