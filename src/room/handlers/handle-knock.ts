/** Answers the Worker's requests about knocks. */
import { knockedSchema, knockRequestSchema, knockStateSchema } from '../connections/knock-request.ts';
import type { Knocks } from '../connections/knocks.ts';
import { refuse } from '../connections/refusal.ts';

export async function handleKnock(
  body: unknown,
  { knocks }: { knocks: Pick<Knocks, 'add' | 'state' | 'withdraw'> },
): Promise<Response> {
  const request = knockRequestSchema.parse(body);
  switch (request.kind) {
    case 'knock': {
      const knocked = knocks.add(request);
      if (!knocked.ok) return refuse(knocked.status, knocked.error, knocked.message);
      const { knockId, expiresAtMs } = knocked;
      return Response.json(knockedSchema.parse({ knock_id: knockId, expires_at_ms: expiresAtMs }));
    }
    case 'await': {
      const state = await knocks.state(request.knock_id, request.wait_ms);
      if (state === null) return refuse(404, 'not_found', 'the request to be let in is lost, ask again');
      return Response.json(knockStateSchema.parse(state));
    }
    case 'withdraw':
      knocks.withdraw(request.knock_id);
      return Response.json({});
  }
}
