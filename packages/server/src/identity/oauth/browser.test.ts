import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  authorization,
  givePassword,
  password,
  proofKey,
  requestToken,
  startOAuthServer,
} from '../../../test/support/oauth.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { startWithUpstream } from '../../../test/support/upstream.ts';
import { setTemporaryPassword } from '../temporary-password.ts';

const executablePath = process.env.SLIPWAY_TEST_CHROMIUM ?? '/usr/bin/chromium';
/** Where pictures of the pages go, for people to look at. */
const pictures = process.env.SLIPWAY_TEST_PICTURES;

// Where it is missing these are skipped, but never in CI.
describe.skipIf(!existsSync(executablePath) && process.env.CI === undefined)(
  'in a browser',
  { timeout: 60_000 },
  () => {
    let server: TestServer;
    let browser: Browser;
    let email: string;
    let userId: string;

    beforeAll(async () => {
      server = await startOAuthServer();
      const user = await server.makeUser();
      userId = user.id;
      email = await givePassword(server, user);
      const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
      const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
      browser = await chromium.launch({ executablePath, args: [...flags, ...quiet] });
    }, 60_000);
    afterAll(() => browser?.close());

    const url = (path: string) => server.server.services.settings.publicUrl + path;

    /** Nothing to complain about for axe, in both colour schemes and sizes; no line wider than the window. */
    async function check(page: Page, name: string): Promise<void> {
      for (const [width, height] of [
        [1440, 900],
        [390, 844],
      ] as const) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height });
          await page.emulateMedia({ colorScheme });
          if (pictures) {
            mkdirSync(pictures, { recursive: true });
            await page.screenshot({ path: `${pictures}/${name}-${width}-${colorScheme}.png` });
          }
          await page.evaluate(axe.source);
          const violations = await page.evaluate(
            'axe.run().then((result) => result.violations.map(({ id, nodes }) => id + " " + nodes[0].html))',
          );
          expect(violations, `${name} ${width} ${colorScheme}`).toEqual([]);
          expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
        }
      }
    }

    test('a public client signs a user in with PKCE, by keyboard alone', async () => {
      const received: string[] = [];
      const client = createServer((request, response) => {
        received.push(request.url as string);
        response.end('done');
      });
      await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
      try {
        const redirect_uri = `http://127.0.0.1:${(client.address() as { port: number }).port}/callback`;
        const { verifier, challenge } = proofKey();
        const context = await browser.newContext();
        const page = await context.newPage();
        const complaints: string[] = [];
        page.on('console', (message) => complaints.push(message.text()));
        await page.goto(
          url(
            authorization(challenge, {
              redirect_uri,
              prompt: 'consent',
              scope: 'openid offline_access connectors:read runs:write',
            }),
          ),
        );
        await check(page, 'sign-in');
        await page.keyboard.type(email);
        await page.keyboard.press('Tab');
        await page.keyboard.type('not the password');
        await page.keyboard.press('Enter');
        await page.getByRole('alert').waitFor();
        expect(await page.getByLabel('E-mail address').inputValue()).toBe(email);
        const described = await page.getByLabel('Password').getAttribute('aria-describedby');
        expect(await page.locator(`#${described}`).textContent()).toBe(
          'E-mail address or password is wrong.',
        );
        await check(page, 'wrong-password');
        await page.keyboard.type(password);
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { name: 'Let Slipway command line act for you?' }).waitFor();
        expect(await page.locator('li').allTextContents()).toEqual([
          'See connectors and their versionsconnectors:read',
          'Start and cancel runsruns:write',
          'Stay signed inuntil you end it under “Sign-ins”',
        ]);
        await check(page, 'consent');
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await page.waitForURL(/127\.0\.0\.1:\d+\/callback/);
        const sent = new URL(page.url()).searchParams;
        expect(sent.get('state')).toBe('x');
        const { body } = await requestToken(server, {
          grant_type: 'authorization_code',
          code: sent.get('code') as string,
          redirect_uri,
          code_verifier: verifier,
        });
        const me = await server.request('GET', '/me', { token: body.access_token });
        expect(me.body.data).toMatchObject({ uuid: userId, scopes: ['connectors:read', 'runs:write'] });
        const next = await requestToken(server, {
          grant_type: 'refresh_token',
          refresh_token: body.refresh_token,
        });
        expect(next.status).toBe(200);

        await page.goto(url('/oauth/sign-out'));
        await check(page, 'sign-out');
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByRole('heading', { name: 'Signed out' }).waitFor();
        await check(page, 'signed-out');
        // The 400 of a wrong password is the only thing the browser has to say: no policy was broken.
        expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
        await context.close();
      } finally {
        client.close();
      }
    });

    test('a device is connected with the code that it shows', async () => {
      const device = await requestToken(server, { scope: 'runs:read' }, {}, '/oauth/device/auth');
      expect(device.body).toMatchObject({ verification_uri: url('/oauth/device'), expires_in: 600 });
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: device.body.device_code,
      };
      expect((await requestToken(server, form)).body.error).toBe('authorization_pending');

      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(device.body.verification_uri);
      await check(page, 'device-code');
      await page.keyboard.type('wrong');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
      expect(await page.getByRole('alert').textContent()).toContain('There is no such code.');
      await check(page, 'device-wrong-code');
      await page.getByLabel('Code').fill(device.body.user_code);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Is this your device?' }).waitFor();
      expect(await page.locator('.shown').textContent()).toBe(device.body.user_code);
      await check(page, 'device-confirm');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByLabel('E-mail address').fill(email);
      await page.getByLabel('Password').fill(password);
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.getByRole('heading', { name: 'Connected' }).waitFor();
      await check(page, 'device-done');
      const { status, body } = await requestToken(server, form);
      expect(status).toBe(200);
      const me = await server.request('GET', '/me', { token: body.access_token });
      expect(me.body.data).toMatchObject({ uuid: userId, scopes: ['runs:read'] });
      await context.close();
    });

    test('the address with the code in it leads to the same question, under the same policy', async () => {
      const device = await requestToken(server, { scope: 'runs:read' }, {}, '/oauth/device/auth');
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      const first = await page.goto(device.body.verification_uri_complete);
      expect(first?.headers()['content-security-policy']).toContain("frame-ancestors 'none'");
      await page.getByRole('heading', { name: 'Is this your device?' }).waitFor();
      expect(complaints).toEqual([]);
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('Cancelled. The device gets no access.').waitFor();
      await page.close();
    });

    test('a user of another provider comes in through it', async () => {
      const place = await startWithUpstream();
      const known = await place.server.makeUser();
      const address = await givePassword(place.server, known);
      place.upstream.people.set('ada', { email: address, email_verified: true });
      place.upstream.people.set('eve', { email: 'eve@example.com', email_verified: true });
      const context = await browser.newContext();
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      const start = () =>
        page.goto(place.server.server.services.settings.publicUrl + authorization('x'.repeat(43)));
      const goThrough = async (subject: string) => {
        await page.getByRole('link', { name: `Continue with ${place.upstream.host}` }).click();
        await page.getByRole('heading', { name: 'Elsewhere' }).waitFor();
        await page.getByLabel('User').fill(subject);
        await page.getByRole('button', { name: 'Go on' }).click();
      };
      await start();
      await check(page, 'upstream-sign-in');
      await goThrough('eve');
      await page.getByRole('alert').waitFor();
      expect(await page.getByRole('alert').textContent()).toBe(
        'There is no active account for eve@example.com. Ask an admin for an invitation.',
      );
      await check(page, 'upstream-stranger');
      await page.getByRole('link', { name: `Continue with ${place.upstream.host}` }).click();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText(`You did not sign in at ${place.upstream.host}.`).waitFor();
      await goThrough('ada');
      await page.getByRole('heading', { name: 'Let Slipway command line act for you?' }).waitFor();
      expect(await page.locator('p strong').first().textContent()).toBe(address);
      await page.goto(`${place.server.server.services.settings.publicUrl}/oauth/sign-out`);
      await check(page, 'upstream-sign-out');
      expect(complaints.filter((text) => !/40[03]/.test(text))).toEqual([]);
      await context.close();
      await place.server.server.stop();
    });

    test('who was given a password chooses their own first', async () => {
      const user = await server.makeUser();
      const address = await givePassword(server, user);
      const { db } = server.server.services;
      const given = await db.transaction().execute((work) => setTemporaryPassword(work, user.id));
      const context = await browser.newContext();
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      await page.goto(url(authorization('x'.repeat(43))));
      await page.keyboard.type(address);
      await page.keyboard.press('Tab');
      await page.keyboard.type(given);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Choose your password' }).waitFor();
      await check(page, 'choose-password');
      const [own, typo] = ['my very own words', 'my very own worts'];
      await page.keyboard.type(own);
      await page.keyboard.press('Tab');
      await page.keyboard.type(typo);
      await page.keyboard.press('Enter');
      await page.getByText('The two passwords are not the same.').waitFor();
      await check(page, 'choose-password-wrong');
      await page.getByLabel('New password', { exact: true }).fill(own);
      await page.getByLabel('New password, once more').fill(own);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Let Slipway command line act for you?' }).waitFor();
      expect(complaints.filter((text) => !text.includes('400'))).toEqual([]);
      await context.close();
    });

    test('what can not go on says so', async () => {
      const page = await browser.newPage();
      await page.goto(url(authorization('x', { client_id: 'nobody' })));
      await check(page, 'failure');
      await page.close();
    });
  },
);
