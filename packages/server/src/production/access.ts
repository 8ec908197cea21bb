import type { operations } from '@slipway/contract';
import { lockConnector } from '../connectors/release-state.ts';
import { inTransaction } from '../context.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { refuseInFlight, setVersion } from '../operations/transitions.ts';
import type { Places } from '../platform/gateway.ts';
import { lockVersion, versionJson } from '../versions/store.ts';
import { about } from './about.ts';
import { leaveProduction } from './main-version.ts';
import {
  grantColumns,
  grantsOf,
  levels,
  onEach,
  outside,
  placeChanges,
  placeErrors,
  targetsOf,
} from './places.ts';
import { accessRefusal, standaloneRefusal } from './release-rules.ts';

type Operations = typeof operations;

/** `POST …/access/prod/enable`: a grant covers everything below it. */
export const enableAccess: Verb<Operations['connectorEnableProdAccess']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const connector = await lockConnector(work.db, subject.connectorId);
    const row = await lockVersion(work.db, subject.id);
    const wanted = placesIn(body);
    const standalone = standaloneRefusal(connector);
    if (standalone) throw standalone;
    if (levels.every((level) => wanted[level].length === 0)) {
      throw badRequest({ accounts: 'At least one account, project or site is needed.' });
    }
    const refusal = accessRefusal(row);
    if (refusal) throw refusal;
    const beyond = await outside(work, wanted, targetsOf(row));
    const errors = placeErrors(beyond, '', 'Values are not in the target scope');
    if (Object.keys(errors).length > 0) throw badRequest(errors);

    const grants = grantsOf(row);
    const columns = grantColumns(onEach((level) => [...grants[level], ...wanted[level]]));
    const changes = placeChanges(row, columns);
    if (changes.length > 0) {
      await setVersion(work.db, subject.id, columns);
      await audit(work, { action: 'connector_enable_prod_access', ...about(subject), changes });
    }
    return versionJson(work.db, work.services.settings, subject.id);
  });

/** `POST …/access/prod/disable`: sites that use the version already go on. */
export const disableAccess: Verb<Operations['connectorDisableProdAccess']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const connector = await lockConnector(work.db, subject.connectorId);
    const row = await lockVersion(work.db, subject.id);
    refuseInFlight(row);
    const unwanted = placesIn(body);
    const grants = grantsOf(row);
    const columns = grantColumns(
      onEach((level) => grants[level].filter((id) => !unwanted[level].includes(id))),
    );
    const changes = placeChanges(row, columns);
    if (changes.length > 0) {
      await setVersion(work.db, subject.id, columns);
      const main = await leaveProduction(work, connector, subject, { ...row, ...columns });
      await audit(work, {
        action: 'connector_disable_prod_access',
        ...about(subject),
        changes: [...changes, ...main],
      });
    }
    return versionJson(work.db, work.services.settings, subject.id);
  });

const placesIn = (body: { accounts?: number[]; projects?: number[]; sites?: number[] }): Places =>
  onEach((level) => body[level] ?? []);
