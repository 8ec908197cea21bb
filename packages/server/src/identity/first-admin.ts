import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { scopes } from '@slipway/contract';
import { sql } from 'kysely';
import { inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { audit } from '../events/audit.ts';
import { newId } from '../ids.ts';
import { systemContext } from '../operations/system-context.ts';
import type { Services } from '../services.ts';
import type { Settings } from '../settings.ts';
import { authenticate } from './authenticate.ts';
import { setTemporaryPassword } from './temporary-password.ts';
import { issueToken } from './tokens.ts';
import { createUser } from './users.ts';

export const firstAdminEmail = 'admin@localhost';

/** Any number that no other program on the same database is likely to lock. */
const firstStartLock = 7_021_987_342;

/**
 * Makes the first admin when there is none yet, and, unless SLIPWAY_ADMIN_TOKEN is the way in, a token for it in
 * {@link bootstrapTokenFile}. Several servers may start at once.
 */
export async function ensureFirstAdmin(services: Services): Promise<FirstAdmin> {
  const password = await inTransaction(systemContext(services), async (work) => {
    await sql`SELECT pg_advisory_xact_lock(${firstStartLock})`.execute(work.db);
    if (await findAdmin(work.db)) return null;
    const id = await createUser(work.db, {
      email: firstAdminEmail,
      name: 'Administrator',
      role: 'admin',
      status: 'active',
    });
    const password = await setTemporaryPassword(work.db, id);
    await audit(work, {
      action: 'system.create-first-admin',
      entity: { type: 'user', id, name: firstAdminEmail },
      changes: [{ path: 'role', from: null, to: 'admin' }],
    });
    return password;
  });
  if (services.settings.adminToken === null) await issueBootstrapToken(services);
  return { password };
}

export interface FirstAdmin {
  /** Shown once; signing in with it asks for one of their own. Null when there was an admin already. */
  password: string | null;
}

/** Where the token of the first admin lies, readable by the server's user alone. */
export const bootstrapTokenFile = ({ home }: Pick<Settings, 'home'>): string => join(home, 'admin-token');

/**
 * A token of the first admin, for who owns this machine: SLIPWAY_ADMIN_TOKEN, else the one in the file, made anew when
 * it is missing or works no more.
 */
export async function issueBootstrapToken(services: Services): Promise<string> {
  const { settings } = services;
  if (settings.adminToken !== null) return settings.adminToken;
  const stored = (await readFile(bootstrapTokenFile(settings), 'utf8').catch(() => '')).trim();
  if (stored !== '' && (await works(services, stored))) return stored;
  return inTransaction(systemContext(services), async (work) => {
    const admin = await findAdmin(work.db);
    if (!admin) throw new Error('There is no active admin.');
    const name = 'First start';
    const { id, token } = await issueToken(work.db, admin, { name, scopes, expiresInDays: 365 });
    await audit(work, { action: 'system.issue-admin-token', entity: { type: 'token', id, name } });
    await writePrivate(bootstrapTokenFile(settings), `${token}\n`);
    return token;
  });
}

const works = (services: Services, token: string): Promise<boolean> =>
  authenticate(services, `Bearer ${token}`).then(
    (actor) => actor.role === 'admin',
    () => false,
  );

/** The admin made first among those who are active. */
async function findAdmin(db: Work): Promise<string | null> {
  const admin = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('status', '=', 'active')
    .orderBy('created_at')
    .orderBy('id')
    .executeTakeFirst();
  return admin?.id ?? null;
}

/** Written beside its place first: whoever reads the file never sees half of it. */
async function writePrivate(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${newId()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
  await rename(draft, path);
}
