/** A session's history: reading its versions, and going back to one. */
import * as routes from '../../protocol/http/versions.ts';
import { allow } from '../auth.ts';
import { notFound } from '../errors.ts';
import { type Served, serve } from '../serve.ts';
import type { Services } from '../services.ts';
import { takeStrangerWrite } from '../stranger-writes.ts';
import { paginationJson, versionJson } from '../wire.ts';

/** @throws {ApiError} 404 */
async function read(
  { repository }: Pick<Services, 'repository'>,
  { id, number }: { id: string; number: number },
) {
  const version = await repository.getVersion(id, number);
  if (!version) throw notFound('there is no such version, or no more');
  return version;
}

export const versionRoutes: Served[] = [
  serve(routes.listVersions, allow('read_versions'), async ({ services: { repository }, params, query }) => {
    const page = await repository.listVersions(params.id, query);
    return { versions: page.items.map(versionJson), pagination: paginationJson(query, page) };
  }),
  serve(routes.getVersion, allow('read_versions'), async ({ services, params }) => {
    const version = await read(services, params);
    return { ...versionJson(version), code: version.code };
  }),
  serve(routes.restoreVersion, allow('write_code'), async ({ services, caller, params, c }) => {
    const { code } = await read(services, params);
    await takeStrangerWrite(c, caller);
    const { rev } = await services.room.setCode(params.id, {
      code,
      user_id: caller.userId,
      display_name: caller.displayName,
      role: caller.role,
      restored_by: { participant_id: caller.participantId },
    });
    return { message: 'the version is restored', code, rev };
  }),
];
