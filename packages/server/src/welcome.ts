import { bootstrapTokenFile } from './identity/first-admin.ts';
import type { Server } from './server.ts';

/** What a start ends with: where to go, how to get in, what runs connectors. */
export async function welcome({ url, services, engineReason }: Server): Promise<string> {
  const { settings, engine } = services;
  const token =
    settings.adminToken === null
      ? `Admin token    in ${bootstrapTokenFile(settings)}`
      : 'Admin token    as set by SLIPWAY_ADMIN_TOKEN';
  return [
    '',
    `Slipway is ready at ${url}`,
    '',
    token,
    `Engine         ${engine.name} (${engineReason})`,
    `               ${engine.isolation.description}`,
    `Home           ${settings.home}`,
    '',
    settings.adminToken === null
      ? `Try it         curl -H "Authorization: Bearer $(cat ${bootstrapTokenFile(settings)})" ${url}/connectors`
      : `Try it         curl -H "Authorization: Bearer $SLIPWAY_ADMIN_TOKEN" ${url}/connectors`,
    `Reference      ${url}/openapi.json`,
    'Ctrl-C stops everything.',
  ].join('\n');
}
