import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { startTestServer } from '../../test/support/server.ts';
import { bootstrapTokenFile, ensureFirstAdmin, issueBootstrapToken } from './first-admin.ts';

describe('the first start', () => {
  test('makes an admin, and a token for who owns the machine', async () => {
    const server = await startTestServer();
    const { services } = server.server;
    const file = bootstrapTokenFile(services.settings);
    const token = (await readFile(file, 'utf8')).trim();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const me = await server.request('GET', '/me', { token });
    expect(me.body.data).toMatchObject({ email: 'admin@localhost', role: 'admin', status: 'active' });
    const audit = await server.request('GET', '/audit-events', { token });
    expect(audit.body.data.map(({ action }: { action: string }) => action)).toEqual([
      'system.issue-admin-token',
      'system.create-first-admin',
    ]);
    expect(audit.body.data[0]).toMatchObject({
      actor: { uuid: null, name: null, kind: 'system' },
      'request-id': null,
      ip: null,
    });
    expect(audit.text).not.toContain(token);

    // Later starts find both as they are.
    expect(await ensureFirstAdmin(services)).toEqual({ password: null });
    expect((await readFile(file, 'utf8')).trim()).toBe(token);

    // A file that is gone, or whose token works no more, is made anew.
    await services.db.deleteFrom('tokens').execute();
    const second = await issueBootstrapToken(services);
    expect(second).not.toBe(token);
    await writeFile(file, 'nonsense');
    const third = await issueBootstrapToken(services);
    await rm(file);
    const fourth = await issueBootstrapToken(services);
    expect(new Set([token, second, third, fourth]).size).toBe(4);
    expect((await readFile(file, 'utf8')).trim()).toBe(fourth);
  });

  test('of several servers at once makes one admin', async () => {
    const { services } = (await startTestServer()).server;
    await services.db.deleteFrom('users').execute();
    const results = await Promise.all(Array.from({ length: 5 }, () => ensureFirstAdmin(services)));
    expect(results.filter(({ password }) => password !== null)).toHaveLength(1);
    expect(await services.db.selectFrom('users').select('email').execute()).toEqual([
      { email: 'admin@localhost' },
    ]);
  });

  test('with SLIPWAY_ADMIN_TOKEN leaves no token on disk', async () => {
    const adminToken = 'an-admin-token-of-more-than-32-characters';
    const server = await startTestServer({ SLIPWAY_ADMIN_TOKEN: adminToken });
    const { services } = server.server;
    expect(await issueBootstrapToken(services)).toBe(adminToken);
    await expect(stat(bootstrapTokenFile(services.settings))).rejects.toThrow('ENOENT');
    const me = await server.request('GET', '/me', { token: adminToken });
    expect(me.body.data).toMatchObject({ email: 'admin@localhost', role: 'admin' });
  });
});
