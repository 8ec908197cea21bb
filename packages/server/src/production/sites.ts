import type { operations } from '@slipway/contract';
import type { Verb } from '../http/route.ts';
import { readVersion } from '../versions/store.ts';

/** `GET …/sites`: what sites run of the version, its dev site included. */
export const listSites: Verb<(typeof operations)['connectorSiteList']> = async (
  { db, services },
  { subject, page },
) => {
  const { dev_site: devSite } = await readVersion(db, subject.id);
  const { connectorId, major } = subject;
  return services.platform.listUses(db, page, { connectorId, major, devSite });
};
