import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { waitForProcess } from '@slipway/client';
import { beforeAll, expect, test } from 'vitest';
import { buildScript, deploy, localRepositories } from '../support/deployed.ts';
import { startOAuthServer } from '../support/oauth.ts';
import { testFields, testScript } from '../support/script.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const guide = readFileSync(`${root}docs/guides/client.md`, 'utf8');

/** The programs of the guide, each with the output that follows it. */
const programs = [...guide.matchAll(/```ts\n(.*?)```\n\n```text\n(.*?)```/gs)].map(
  ([, program, output], index) => ({
    number: index + 1,
    program: program as string,
    output: output as string,
  }),
);

let environment: Record<string, string>;

beforeAll(async () => {
  const server = await startOAuthServer(localRepositories);
  const user = await server.makeUser();
  const client = server.client(user);
  const { id, site } = await deploy(server, user, await buildScript(server, testScript), {
    name: 'Guide',
    fields: testFields,
  });
  const { process_id } = await client.platformProcessCreate({ siteId: site, body: { action: 'import' } });
  await waitForProcess(client, site, process_id);
  const admin = server.client(await server.makeUser({ role: 'admin' }));
  const machine = await admin.oauthClientCreate({
    body: {
      name: 'Guide',
      kind: 'confidential',
      'grant-types': ['client_credentials'],
      scopes: ['connectors:read'],
      user: user.id,
    },
  });
  environment = {
    API: server.server.services.settings.publicUrl,
    TOKEN: user.token,
    CONNECTOR: id,
    SITE: String(site),
    MACHINE: machine['client-id'],
    MACHINE_SECRET: machine['client-secret'] as string,
  };
});

test('every program of the guide has its output', () => {
  expect(programs.length).toBeGreaterThan(0);
  expect(guide.match(/```ts\n/g)).toHaveLength(programs.length);
});

// In their order: later ones see what earlier ones made.
test.each(programs)('program $number of the guide prints what it says', async ({ program, output }) => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module-typescript', '--eval', program],
    { cwd: root, env: { PATH: process.env.PATH ?? '', NODE_NO_WARNINGS: '1', ...environment } },
  );
  // CSV ends its lines with CR LF, and a page can not show spaces at their end.
  expect(stdout.replace(/[ \r]+$/gm, '')).toBe(output);
});
