import type { operations } from '@slipway/contract';
import type { Verb } from '../http/route.ts';
import { listOffered } from '../versions/offered.ts';

/** The connector versions that the site may use. */
export const siteConnectorList: Verb<(typeof operations)['platformSiteConnectorList']> = (
  { db, services },
  { subject, query, page },
) => listOffered(db, services.settings, page, subject, query);
