/** Saved strudels over HTTP, for signed-in people. Each function throws an {@link ApiError}. */
import * as z from 'zod';
import { MAX_STRUDEL_MESSAGE_CHARS, MAX_STRUDEL_MESSAGES } from '../../../protocol/index.ts';
import { anything, call, segment } from './call.ts';

const strudelSchema = z.object({
  id: z.uuid(),
  title: z.string(),
  code: z.string(),
  description: z.string().nullable(),
  tags: z.array(z.string()),
  is_public: z.boolean(),
  /** ISO 8601. */
  updated_at: z.string(),
});
export type Strudel = z.infer<typeof strudelSchema>;

/** One turn of a conversation with the AI, as it is kept with a strudel. */
export interface StrudelMessage {
  role: 'user' | 'assistant';
  content: string;
  isCodeResponse: boolean;
}

/** What the session holds: kept as the strudel's. */
export interface StrudelContent {
  code: string;
  conversation: StrudelMessage[];
}

/** What a person says about a strudel. */
export interface StrudelInput {
  title: string;
  description: string | null;
  tags: string[];
  isPublic: boolean;
}

const oneSchema = z.object({ strudel: strudelSchema });

export async function listStrudels(
  userToken: string,
  filter: { public: boolean; search: string },
): Promise<Strudel[]> {
  const schema = z.object({ strudels: z.array(strudelSchema) });
  const query = {
    public: filter.public ? true : undefined,
    search: filter.search === '' ? undefined : filter.search,
  };
  return (await call('GET', 'strudels', schema, { token: userToken, query })).strudels;
}

export async function createStrudel(
  input: StrudelInput & StrudelContent,
  userToken: string,
): Promise<Strudel> {
  return (await call('POST', 'strudels', oneSchema, { token: userToken, body: wire(input) })).strudel;
}

export async function updateStrudel(
  id: string,
  changes: Partial<StrudelInput & StrudelContent>,
  userToken: string,
): Promise<Strudel> {
  const body = wire(changes);
  return (await call('PUT', `strudels/${segment(id)}`, oneSchema, { token: userToken, body })).strudel;
}

export async function deleteStrudel(id: string, userToken: string): Promise<void> {
  await call('DELETE', `strudels/${segment(id)}`, anything, { token: userToken });
}

function wire(input: Partial<StrudelInput & StrudelContent>) {
  const { title, description, tags, isPublic, code, conversation } = input;
  return {
    title,
    description,
    tags,
    is_public: isPublic,
    code,
    // A part of a program would be no program.
    conversation: conversation
      ?.filter(({ content }) => content.length <= MAX_STRUDEL_MESSAGE_CHARS)
      .slice(-MAX_STRUDEL_MESSAGES)
      .map(({ role, content, isCodeResponse }) => ({
        role,
        content,
        is_code_response: isCodeResponse,
      })),
  };
}
