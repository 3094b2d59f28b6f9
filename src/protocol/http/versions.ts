/** Routes of a session's history: its versions, and going back to one. */
import * as z from 'zod';
import { versionCauseSchema } from '../messages.ts';
import { route } from './route.ts';
import { instant, ofOne, pageQuery, pagination } from './shared.ts';

const tag = 'Versions';
const VERSIONS = '/api/v1/sessions/{id}/versions';
const ofVersion = ofOne.extend({ number: z.coerce.number<number>().int().min(1) });

export const version = z
  .object({
    number: z.number().int().meta({ description: 'grows from version to version; numbers are left out' }),
    rev: z.number().int().meta({ description: 'the newest revision when it was made' }),
    cause: versionCauseSchema,
    user_id: z.uuid().optional().meta({ description: 'absent for anonymous participants' }),
    display_name: z.string().optional().meta({ description: 'absent where the room did not know any more' }),
    created_at: instant,
  })
  .meta({ id: 'Version' });
export type WireVersion = z.infer<typeof version>;

export const listVersions = route({
  method: 'get',
  path: VERSIONS,
  tag,
  summary: 'The versions of the code, newest first; old ones are thinned out',
  access: 'session',
  params: ofOne,
  query: pageQuery,
  reply: z.object({ versions: z.array(version), pagination }),
});

export const getVersion = route({
  method: 'get',
  path: `${VERSIONS}/{number}`,
  tag,
  summary: 'A version with its code',
  access: 'session',
  params: ofVersion,
  reply: version.extend({ code: z.string() }),
});

export const restoreVersion = route({
  method: 'post',
  path: `${VERSIONS}/{number}/restore`,
  tag,
  summary: 'Make a version’s code the next revision for everyone (writers); what is there becomes a version',
  access: 'session',
  params: ofVersion,
  reply: z.object({ message: z.string(), code: z.string(), rev: z.number().int() }),
  errors: [410],
});
