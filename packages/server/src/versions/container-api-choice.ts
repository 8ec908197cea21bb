import { containerApiVersions, operations } from '@slipway/contract';
import semver from 'semver';
import { type Context, inTransaction } from '../context.ts';
import { badRequest } from '../errors.ts';
import { changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { Actor } from '../identity/actor.ts';
import type { RawJson } from '../json.ts';
import { changeConfiguration } from './change-configuration.ts';
import { type VersionRow, versionJson } from './store.ts';

/** `PUT …/execution-config/container-api`: a key that is absent stays as it is. */
export function updateContainerApi(
  context: Context,
  { subject, body }: Input<typeof operations.connectorVersionExecutionConfigUpdateContainerApi>,
): Promise<RawJson> {
  const operation = operations.connectorVersionExecutionConfigUpdateContainerApi;
  const constraint = body['version-constraint'];
  if (constraint !== undefined && semver.validRange(constraint) === null) {
    throw badRequest({ 'version-constraint': 'This value is not a valid version constraint.' });
  }
  return inTransaction(context, async (work) => {
    await changeConfiguration(work, operation, subject, async (_work, row) => {
      const columns = {
        container_api_image: body.image === undefined ? row.container_api_image : body.image,
        container_api_constraint: constraint ?? row.container_api_constraint,
      };
      refuseUnlessServed(work, body.image ?? null, columns);
      return {
        columns,
        changes: changesBetween(
          { image: row.container_api_image, 'version-constraint': row.container_api_constraint },
          { image: columns.container_api_image, 'version-constraint': columns.container_api_constraint },
        ),
      };
    });
    return versionJson(work.db, work.services.settings, subject.id);
  });
}

function refuseUnlessServed(
  { actor, services: { settings } }: Context,
  given: string | null,
  next: Pick<VersionRow, 'container_api_image' | 'container_api_constraint'>,
): void {
  if (given !== null && !mayName(actor, given, settings.containerApiImage)) {
    throw badRequest({ image: 'This image is not allowed.' });
  }
  const met = containerApiVersions.some((version) =>
    semver.satisfies(version, next.container_api_constraint),
  );
  if (next.container_api_image === null && !met) {
    throw badRequest({ 'version-constraint': 'No Container API version satisfies this constraint.' });
  }
}

/** The sidecar sees all rows and secrets of a run: only an admin may take one from elsewhere. */
const mayName = (actor: Actor, image: string, usual: string): boolean =>
  actor.role === 'admin' || repositoryOf(image) === repositoryOf(usual);

/** Without tag and digest; a port in the registry's address is no tag. */
const repositoryOf = (image: string): string => image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
