import { bootstrapTokenFile, firstAdminEmail, issueBootstrapToken } from './identity/first-admin.ts';
import type { Server } from './server.ts';

/** What a start ends with: where to go, how to get in, what runs connectors. The token is shown at the first start. */
export async function welcome({ url, services, engineReason, firstPassword }: Server): Promise<string> {
  const { settings, engine } = services;
  const ownToken = settings.adminToken === null;
  const file = bootstrapTokenFile(settings);
  const shown = ownToken && firstPassword !== null ? await issueBootstrapToken(services) : null;
  const lines: [string, string][] = [
    ...(firstPassword === null
      ? []
      : ([
          ['Sign in', `${firstAdminEmail}, password ${firstPassword}`],
          ['', 'shown this once; signing in asks for one of your own'],
        ] as [string, string][])),
    ['Admin token', ownToken ? (shown ?? `in ${file}`) : 'as set by SLIPWAY_ADMIN_TOKEN'],
    ...(shown ? ([['', `kept in ${file}`]] as [string, string][]) : []),
    ['Engine', engineReason.replace(/^Engine /, '')],
    ['', engine.isolation.description],
    ['Home', settings.home],
    ['Reference', `${url}/docs`],
    [
      'Try it',
      `curl -H "Authorization: Bearer ${ownToken ? `$(cat ${file})` : '$SLIPWAY_ADMIN_TOKEN'}" ${url}/connectors`,
    ],
  ];
  return [
    '',
    `Slipway is ready at ${url}`,
    '',
    ...lines.map(([name, text]) => name.padEnd(14) + text),
    '',
    'Ctrl-C stops everything.',
  ].join('\n');
}
