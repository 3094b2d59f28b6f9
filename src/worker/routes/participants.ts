/** Who is in a session, and what the host makes of them. */
import { Hono } from 'hono';
import { z } from 'zod';
import { encodeCursor } from '../../domain/page.ts';
import type { Participant, PlaceOutcome } from '../../domain/people.ts';
import { may } from '../../domain/permissions.ts';
import { ROLES } from '../../domain/types.ts';
import { allow } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { ApiError, notFound } from '../errors.ts';
import { body, query, readPathId } from '../input.ts';
import { pageQuery } from '../paging.ts';
import { participantJson } from '../wire.ts';

export const changedParticipantBody = z.object({ role: z.enum(ROLES) });

/** @throws {ApiError} for a place that isn't there, or that nobody changes. */
function changed(outcome: PlaceOutcome): Participant {
  switch (outcome.outcome) {
    case 'changed':
      return outcome.participant;
    case 'missing':
      throw notFound('there is no such participant');
    case 'owner':
      throw new ApiError(409, 'conflict', 'the session is theirs: they stay its host');
  }
}

export const participantRoutes = new Hono<AppEnv>()
  .get('/:id/participants', allow('read_participants'), query(pageQuery), async (c) => {
    const { items, next } = await c.var.services.people.participants(c.var.sessionId, {
      ...c.req.valid('query'),
      // Those who can take them back have to see whom they removed.
      withRemoved: may(c.var.caller.role, 'manage_participants'),
    });
    return c.json({ participants: items.map(participantJson), next: encodeCursor(next) });
  })
  .patch(
    '/:id/participants/:participant_id',
    allow('manage_participants'),
    body(changedParticipantBody),
    async (c) => {
      const { people, room } = c.var.services;
      const participantId = readPathId(c, 'participant_id');
      const { role } = c.req.valid('json');
      const participant = changed(await people.setRole(c.var.sessionId, participantId, role));
      await room.sendCommand(c.var.sessionId, {
        kind: 'participant_changed',
        participant_id: participantId,
        role,
      });
      return c.json({ participant: participantJson(participant) });
    },
  )
  .delete('/:id/participants/:participant_id', allow('manage_participants'), async (c) => {
    const { people, room } = c.var.services;
    const participantId = readPathId(c, 'participant_id');
    const participant = changed(await people.remove(c.var.sessionId, participantId));
    await room.sendCommand(c.var.sessionId, { kind: 'participant_removed', participant_id: participantId });
    return c.json({ participant: participantJson(participant) });
  });
