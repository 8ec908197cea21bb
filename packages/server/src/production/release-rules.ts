import { badRequest, type Refusal, wrongState } from '../errors.ts';
import type { VersionRow } from '../versions/store.ts';
import { isInFlight } from '../versions/transitions.ts';

/** Standalone connectors run by themselves; there is nothing to choose on a site. */
export const standaloneRefusal = ({ flow }: { flow: string }): Refusal | null =>
  flow === 'standalone' ? badRequest({ flow: 'Standalone connectors are not offered on sites.' }) : null;

/** Why a version can not be opened to anybody. */
export function accessRefusal(row: VersionRow): Refusal | null {
  if (row.state !== 'synchronized-to-prod' || row.prod_platform_connector === null) {
    return badRequest({ version: 'Connector must be synchronized to prod.' });
  }
  return row.released ? badRequest({ version: 'Connector is already released.' }) : null;
}

/** Why a release is refused; null when it is allowed. */
export const releaseRefusal = (connector: { flow: string }, row: VersionRow): Refusal | null =>
  standaloneRefusal(connector) ?? accessRefusal(row);

/** Why withdrawing a release is refused; null when it is allowed. */
export function unreleaseRefusal(row: VersionRow): Refusal | null {
  if (!row.released) return badRequest({ version: 'Connector is not released.' });
  return isInFlight(row.state) ? wrongState(row.state) : null;
}
