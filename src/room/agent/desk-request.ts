/** What the Worker sends to the object that asks the AI for one person, outside of any room. */
import { z } from 'zod';
import { generateBody } from '../../protocol/messages.ts';

/** For whom requests are counted. The ids go into Redis as they are. */
export const countedPersonSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('user'), id: z.string() }),
  /** `siteId`: of an IPv4 address, or of 48 bits of an IPv6 address, which hold 65,536 networks. */
  z.object({ kind: z.literal('anonymous'), id: z.string(), siteId: z.string() }),
]);
export type CountedPerson = z.infer<typeof countedPersonSchema>;

/** The path says how the answer is to come. */
export const DESK_PATHS = { whole: '/generate', stream: '/generate/stream' } as const;

export const deskRequestSchema = z.object({
  person: countedPersonSchema,
  userId: z.string().nullable(),
  question: generateBody,
});
export type DeskRequest = z.infer<typeof deskRequestSchema>;
/** As the Worker sends it. */
export type SentDeskRequest = z.input<typeof deskRequestSchema>;
