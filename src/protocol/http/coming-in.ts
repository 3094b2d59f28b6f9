/** Routes before a session: what an invite leads to, and asking the hosts to be let in. */
import * as z from 'zod';
import { MAX_KNOCK_WAIT_S } from '../limits.ts';
import { displayNameSchema, roleSchema } from '../values.ts';
import { inviteRole, inviteSecret } from './people.ts';
import { route } from './route.ts';
import { done, instant, ofOne, uuid } from './shared.ts';

const tag = 'Coming in';
const KNOCKS = '/api/v1/sessions/{id}/knocks';

const ofOneKnock = ofOne.extend({ knock_id: uuid });

export const invitePreview = z
  .object({
    session_id: z.uuid(),
    title: z.string(),
    host_name: z.string().optional().meta({ description: 'absent where the host has given none' }),
    role: inviteRole.meta({ description: 'which the invite gives' }),
    participant_count: z.number().int().meta({ description: 'participants who are connected now' }),
    is_live: z.boolean().meta({ description: 'others can come in' }),
  })
  .meta({ id: 'InvitePreview' });
export type InvitePreview = z.infer<typeof invitePreview>;

export const previewInvite = route({
  method: 'post',
  path: '/api/v1/sessions/invite',
  tag,
  summary: 'What an invite leads to, a few seconds old at most; it is not used by that',
  access: 'public',
  body: z.object({ invite_token: inviteSecret }),
  reply: invitePreview,
  errors: [403, 410, 429],
});

export const knock = route({
  method: 'post',
  path: KNOCKS,
  tag,
  summary:
    'Ask the hosts to be let in. 409 `host_away`: none is connected; 409 `conflict`: the caller can come in already',
  access: 'optional',
  params: ofOne,
  body: z.object({ display_name: displayNameSchema.optional() }),
  status: 201,
  reply: z.object({
    knock_id: z.uuid(),
    token: z.string().meta({ description: 'with it the answer is asked for; for this knock only' }),
    expires_at: instant.meta({ description: 'without an answer it is over then' }),
  }),
  errors: [403, 404, 409, 410, 429],
});

/**
 * - `admitted`: `token` is a session token, as joining by an invite gives it.
 * - `host_away`: the hosts have left; `ended`: the session has; `expired`: no host has answered, or the
 *   knock was withdrawn.
 */
export const knockStatus = z
  .discriminatedUnion('status', [
    z.object({
      status: z.literal('admitted'),
      session_id: z.uuid(),
      role: roleSchema,
      display_name: z.string(),
      token: z.string(),
    }),
    z.object({ status: z.enum(['waiting', 'refused', 'host_away', 'ended', 'expired']) }),
  ])
  .meta({ id: 'KnockStatus' });
export type KnockStatus = z.infer<typeof knockStatus>;

export const awaitKnock = route({
  method: 'get',
  path: `${KNOCKS}/{knock_id}`,
  tag,
  summary:
    'Wait for the answer to a knock. A knocker who does not ask for 15 s has given up; 404: the room has lost the knock, knock again',
  access: 'knock',
  params: ofOneKnock,
  query: z.object({
    wait_s: z.coerce
      .number<number>()
      .int()
      .min(0)
      .max(MAX_KNOCK_WAIT_S)
      .default(MAX_KNOCK_WAIT_S)
      .meta({ description: 'how long the reply may wait for an answer' }),
  }),
  reply: knockStatus,
  errors: [404],
});

export const withdrawKnock = route({
  method: 'delete',
  path: `${KNOCKS}/{knock_id}`,
  tag,
  summary: 'Give up a knock',
  access: 'knock',
  params: ofOneKnock,
  reply: done,
});
