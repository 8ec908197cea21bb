import type { operations } from '@slipway/contract';
import { lockConnector } from '../connectors/release-state.ts';
import { type Context, inTransaction } from '../context.ts';
import { denied } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { setVersion } from '../operations/transitions.ts';
import { notifyVersion } from '../versions/notify-version.ts';
import { lockVersion, versionJson } from '../versions/store.ts';
import { about } from './about.ts';
import { enterProduction, leaveProduction } from './main-version.ts';
import { grantColumns, placeChanges } from './places.ts';
import { releaseRefusal, unreleaseRefusal } from './release-rules.ts';

type Operations = typeof operations;

/** An operator may keep releases to admins (`SLIPWAY_RELEASE_ROLE`). */
export const mayRelease = ({ actor, services }: Context): boolean =>
  services.settings.releaseRole !== 'admin' || actor.role === 'admin';

/** `POST …/release`: from now on everybody may use the version, so single grants are cleared for good. */
export const release: Verb<Operations['connectorRelease']> = async (context, { subject }) => {
  if (!mayRelease(context)) throw denied();
  return inTransaction(context, async (work) => {
    const connector = await lockConnector(work.db, subject.connectorId);
    const row = await lockVersion(work.db, subject.id);
    const refusal = releaseRefusal(connector, row);
    if (refusal) throw refusal;
    const columns = { released: true, ...grantColumns({ accounts: [], projects: [], sites: [] }) };
    await setVersion(work.db, subject.id, columns);
    const main = await enterProduction(work, connector, subject);
    await audit(work, {
      action: 'connector_release',
      ...about(subject),
      changes: [...placeChanges(row, columns), ...main],
    });
    await notifyVersion(work, 'version.released', subject);
    return versionJson(work.db, work.services.settings, subject.id);
  });
};

/** `POST …/unrelease`: sites that use the version go on; earlier grants do not come back. */
export const unrelease: Verb<Operations['connectorUnrelease']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    const connector = await lockConnector(work.db, subject.connectorId);
    const row = await lockVersion(work.db, subject.id);
    const refusal = unreleaseRefusal(row);
    if (refusal) throw refusal;
    await setVersion(work.db, subject.id, { released: false });
    const main = await leaveProduction(work, connector, subject, { ...row, released: false });
    await audit(work, {
      action: 'connector_unrelease',
      ...about(subject),
      changes: [...placeChanges(row, { released: false }), ...main],
    });
    await notifyVersion(work, 'version.unreleased', subject);
  });
