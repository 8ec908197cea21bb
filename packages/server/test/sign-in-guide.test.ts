import { execFile, execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { givePassword, password, startOAuthServer, Visitor } from './support/oauth.ts';
import type { TestServer } from './support/server.ts';

/** The guide, followed word by word: its commands run as they stand there, in a shell. */

const guide = await readFile(new URL('../../../docs/guides/sign-in.md', import.meta.url), 'utf8');
const blocks = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text as string);

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version']);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasCurl() && process.env.CI === undefined)('the guide to signing in', () => {
  let server: TestServer;
  let email: string;
  let userId: string;
  let adminToken: string;

  beforeAll(async () => {
    server = await startOAuthServer();
    const user = await server.makeUser();
    userId = user.id;
    email = await givePassword(server, user);
    adminToken = (await server.makeUser({ role: 'admin' })).token;
  });

  const shell = async (text: string, variables: Record<string, string> = {}): Promise<string> =>
    (
      await promisify(execFile)('bash', ['-euc', text], {
        env: { PATH: process.env.PATH ?? '', API: server.server.services.settings.publicUrl, ...variables },
      })
    ).stdout;
  /** The one block, line or cell of a table that has these words. */
  const words = (part: string): string => {
    const found = blocks.filter((text) => text.includes(part));
    expect(found, part).toHaveLength(1);
    return found[0] as string;
  };
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  const json = async (text: string, variables?: Record<string, string>): Promise<any> =>
    JSON.parse(await shell(text, variables));

  test('reads the addresses from the issuer', async () => {
    const [setting, ...command] = words('openid-configuration').split('\n');
    expect(setting).toBe('export API=http://localhost:8080');
    const { issuer } = await json(command.join('\n'));
    expect(issuer).toBe(server.server.services.settings.publicUrl);
  });

  test('signs in a program on the machine, renews, and ends', async () => {
    const begin = `${words('code_challenge=')}\necho "$VERIFIER"`;
    const [address, verifier] = (await shell(begin)).trim().split('\n') as [string, string];
    const visitor = new Visitor(server);
    const page = await visitor.visit(address);
    const consent = await visitor.visit(`${page.path}/sign-in`, { email, password });
    const { location } = await visitor.visit(`${consent.path}/allow`, {});
    const code = new URL(location as string).searchParams.get('code') as string;
    const exchange = words('grant_type=authorization_code').replace('CODE=…\n', '');
    const tokens = await json(exchange, { CODE: code, VERIFIER: verifier });
    expect(Object.keys(tokens)).toEqual(
      expect.arrayContaining(['access_token', 'refresh_token', 'id_token']),
    );
    const me = await json(words('$API/me -H'), { ACCESS_TOKEN: tokens.access_token });
    expect(me.data).toMatchObject({ uuid: userId, scopes: ['connectors:read', 'runs:read'] });

    const renew = words('grant_type=refresh_token');
    const renewed = await json(renew, { REFRESH_TOKEN: tokens.refresh_token });
    expect(renewed.refresh_token).not.toBe(tokens.refresh_token);
    const revoke = /\| `(curl \$API\/oauth\/token\/revocation [^`]+)`/.exec(guide)?.[1] as string;
    await shell(revoke, { REFRESH_TOKEN: renewed.refresh_token });
    expect((await json(renew, { REFRESH_TOKEN: renewed.refresh_token })).error).toBe('invalid_grant');
    expect(await json(words('$API/me -H'), { ACCESS_TOKEN: renewed.access_token })).toEqual({
      message: 'You have to be authorized to access this resource.',
    });
  });

  test('signs in a machine without a browser', async () => {
    const device = await json(words('$API/oauth/device/auth'));
    const ask = words('device_code=$DEVICE_CODE');
    const variables = { DEVICE_CODE: device.device_code };
    expect((await json(ask, variables)).error).toBe('authorization_pending');
    const visitor = new Visitor(server);
    const { text } = await visitor.visit(device.verification_uri);
    const xsrf = (page: string) => /name="xsrf" value="([^"]+)"/.exec(page)?.[1] as string;
    const confirm = await visitor.visit('/oauth/device', { xsrf: xsrf(text), user_code: device.user_code });
    expect(confirm.text).toContain('<h1>Is this your device?</h1>');
    const page = await visitor.visit('/oauth/device', {
      xsrf: xsrf(confirm.text),
      user_code: device.user_code,
      confirm: 'yes',
    });
    const consent = await visitor.visit(`${page.path}/sign-in`, { email, password });
    expect((await visitor.visit(`${consent.path}/allow`, {})).text).toContain('<h1>Connected</h1>');
    const tokens = await json(ask, variables);
    const me = await json(words('$API/me -H'), { ACCESS_TOKEN: tokens.access_token });
    expect(me.data).toMatchObject({ uuid: userId, scopes: ['runs:read'] });
  });

  test('lets a machine act for a user', async () => {
    const [register, enter] = words('grant_type=client_credentials').split(/(?=^curl -s -u)/m) as [
      string,
      string,
    ];
    const { data } = await json(register, { ADMIN_TOKEN: adminToken, USER_ID: userId });
    const tokens = await json(enter, { CLIENT_ID: data['client-id'], CLIENT_SECRET: data['client-secret'] });
    const me = await json(words('$API/me -H'), { ACCESS_TOKEN: tokens.access_token });
    expect(me.data).toMatchObject({ uuid: userId, scopes: ['connectors:read', 'builds:write'] });
  });

  test('invites a new user, who accepts', async () => {
    const invited = await json(words('"email": "ada@example.com"'), { ADMIN_TOKEN: adminToken });
    const accept = words('$API/invitations/$TOKEN').replace(
      '"password": "…"',
      '"password": "a long password"',
    );
    const TOKEN = invited.data['invitation-url'].split('/').at(-1);
    expect((await json(accept, { TOKEN })).data).toMatchObject({ name: 'Ada', status: 'active' });
  });
});
