/** Routes of invites and of a session's participants. */
import * as z from 'zod';
import { MAX_INVITE_TOKEN_CHARS, MAX_INVITE_USES } from '../limits.ts';
import { displayNameSchema, roleSchema } from '../values.ts';
import { route } from './route.ts';
import { done, instant, ofOne, pageQuery, pagination, uuid } from './shared.ts';

const tag = 'People';
const INVITE = '/api/v1/sessions/{id}/invite';
const PARTICIPANTS = '/api/v1/sessions/{id}/participants';

export const inviteRole = roleSchema.exclude(['host']);
export type InviteRole = z.infer<typeof inviteRole>;

/** An invite's secret, as requests name it. */
export const inviteSecret = z
  .string()
  .max(MAX_INVITE_TOKEN_CHARS)
  .regex(/^[\w-]+$/, 'is not an invite token');

export const invite = z
  .object({
    id: z.uuid(),
    session_id: z.uuid(),
    token: z.string().meta({ description: 'the secret of the link' }),
    role: inviteRole,
    max_uses: z.number().int().nullable().meta({ description: 'null: any number of times' }),
    uses_count: z.number().int(),
    expires_at: instant.nullable(),
    created_at: instant,
  })
  .meta({ id: 'Invite' });
export type Invite = z.infer<typeof invite>;

export const participant = z
  .object({
    id: z.uuid(),
    user_id: z.uuid().optional().meta({ description: 'absent for anonymous participants' }),
    display_name: z.string(),
    avatar_url: z.string().optional(),
    role: roleSchema,
    status: z.enum(['active', 'left']).meta({ description: '`active`: connected now' }),
    joined_at: instant,
    left_at: instant.optional(),
    removed_at: instant.optional().meta({ description: 'sent away by the host; only hosts see those' }),
  })
  .meta({ id: 'Participant' });
export type Participant = z.infer<typeof participant>;

export const joinSession = route({
  method: 'post',
  path: '/api/v1/sessions/join',
  tag,
  summary: 'Join a session by an invite',
  access: 'optional',
  body: z.object({
    invite_token: inviteSecret,
    display_name: displayNameSchema.optional(),
    attempt: z.uuid().optional().meta({
      description:
        'random, and the same when a caller without an account tries again: an answer that was lost on its way then costs no second use of the invite',
    }),
  }),
  reply: z.object({
    session_id: z.uuid(),
    role: roleSchema,
    display_name: z.string(),
    token: z.string().meta({ description: 'a session token, for this session only' }),
  }),
  errors: [403, 410, 429],
});

export const createInvite = route({
  method: 'post',
  path: INVITE,
  tag,
  summary: 'Make an invite',
  access: 'session',
  params: ofOne,
  body: z.object({
    role: inviteRole,
    max_uses: z.number().int().min(1).max(MAX_INVITE_USES).nullish(),
    expires_at: z.iso.datetime({ offset: true }).nullish(),
  }),
  status: 201,
  reply: invite,
  errors: [410],
});

export const listInvites = route({
  method: 'get',
  path: INVITE,
  tag,
  summary: 'The invites that are not revoked, newest first',
  access: 'session',
  params: ofOne,
  query: pageQuery,
  reply: z.object({ tokens: z.array(invite), pagination }),
});

export const revokeInvite = route({
  method: 'delete',
  path: `${INVITE}/{token_id}`,
  tag,
  summary: 'Revoke an invite: participants who came in by it are sent away',
  access: 'session',
  params: ofOne.extend({ token_id: uuid }),
  reply: done,
  errors: [410],
});

export const listParticipants = route({
  method: 'get',
  path: PARTICIPANTS,
  tag,
  summary: 'The participants, in the order they came',
  access: 'session',
  params: ofOne,
  query: pageQuery,
  reply: z.object({ participants: z.array(participant), pagination }),
});

/** The path has `me` and no id: a caller can change only their own name. */
export const changeOwnName = route({
  method: 'patch',
  path: `${PARTICIPANTS}/me`,
  tag,
  summary: 'Change the name that the caller has in the session. What they have said keeps the old one',
  access: 'session',
  params: ofOne,
  body: z.object({ display_name: displayNameSchema }),
  reply: participant.extend({
    token: z.string().meta({
      description:
        'a session token with the new name, good for as long as the one that was sent; seven days for a user’s own',
    }),
  }),
  errors: [410, 429],
});

export const changeParticipant = route({
  method: 'patch',
  path: `${PARTICIPANTS}/{participant_id}`,
  tag,
  summary: 'Give a participant another role, or readmit a removed one',
  access: 'session',
  params: ofOne.extend({ participant_id: uuid }),
  body: z.object({ role: roleSchema }),
  reply: participant,
  errors: [409, 410],
});

export const removeParticipant = route({
  method: 'delete',
  path: `${PARTICIPANTS}/{participant_id}`,
  tag,
  summary: 'Send a participant away for good',
  access: 'session',
  params: ofOne.extend({ participant_id: uuid }),
  reply: done.extend({
    open_invite_id: uuid.optional().meta({
      description:
        'of a participant without an account: the invite that they came by, which can be used again, by them too; revoke it to keep them out',
    }),
  }),
  errors: [409, 410],
});
