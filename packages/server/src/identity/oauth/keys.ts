import { randomBytes } from 'node:crypto';
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import { sql } from 'kysely';
import type { Database } from '../../database/database.ts';
import type { Vault } from '../../secrets/vault.ts';

/** Keys as they stand now. The first of each signs, the others still verify. */
export interface KeySet {
  /** Private ES256 keys. */
  token: JWK[];
  cookie: string[];
}

/** The keys of the provider, the same ones in every process. */
export interface SigningKeys {
  current(): KeySet;
  /** Reads what other processes changed, and makes new keys when the present ones are old. Did anything change? */
  refresh(): Promise<boolean>;
  /** The claims of an access token of ours. @throws when it is not one, or not good any more */
  verify(token: string): Promise<JWTPayload>;
}

type Purpose = keyof KeySet;

const purposes: Purpose[] = ['token', 'cookie'];
const lock = 7_021_987_343;
/** A new key is published before it signs, so that other processes and verifiers know it by then. */
const publishedFor = "interval '5 minutes'";
const newEvery = "interval '30 days'";
/** What the old ones signed is over by then: cookies live for 7 days. */
const keptFor = "interval '38 days'";

/**
 * Opens the keys, and makes the first ones.
 *
 * @param issuer the public address: who tokens are of, and who they are for
 */
export async function openSigningKeys(db: Database, vault: Vault, issuer: string): Promise<SigningKeys> {
  let ids = '';
  let keys: KeySet = { token: [], cookie: [] };
  let verifier = createLocalJWKSet({ keys: [] });
  const read = async (): Promise<boolean> => {
    const rows = await readKeys(db);
    const now = rows.map(({ id }) => id).join();
    if (now === ids) return false;
    const values = await vault.openAll(
      db,
      rows.map((row) => row.vault_id),
    );
    const of = (purpose: Purpose): string[] =>
      rows.filter((row) => row.purpose === purpose).map((row) => values.get(row.vault_id) as string);
    keys = { token: of('token').map((text) => JSON.parse(text)), cookie: of('cookie') };
    verifier = createLocalJWKSet({ keys: keys.token.map(({ d: _private, ...publicHalf }) => publicHalf) });
    ids = now;
    return true;
  };
  const check = async (token: string): Promise<JWTPayload> => {
    const options = { issuer, audience: issuer, algorithms: ['ES256'], typ: 'at+jwt' };
    return (await jwtVerify(token, verifier, options)).payload;
  };
  let lastMiss = 0;
  const refresh = async (): Promise<boolean> => {
    await rotate(db, vault);
    return read();
  };
  await refresh();
  return {
    current: () => keys,
    refresh,
    async verify(token) {
      try {
        return await check(token);
      } catch (error) {
        // Another process may have made the key; who sends nonsense does not make us look more than once a second.
        const unknown = (error as { code?: string }).code === 'ERR_JWKS_NO_MATCHING_KEY';
        if (!unknown || Date.now() - lastMiss < 1000) throw error;
        lastMiss = Date.now();
        if (!(await read())) throw error;
        return check(token);
      }
    },
  };
}

/** Newest first, but those that are only published yet stand behind those that sign. */
async function readKeys(db: Database): Promise<{ id: string; purpose: Purpose; vault_id: string }[]> {
  const { rows } = await sql<{ id: string; purpose: Purpose; vault_id: string }>`
    SELECT id, purpose, vault_id FROM oauth_keys
    ORDER BY purpose, created_at > now() - ${sql.raw(publishedFor)}, created_at DESC, id`.execute(db);
  return rows;
}

async function rotate(db: Database, vault: Vault): Promise<void> {
  await db.transaction().execute(async (work) => {
    await sql`SELECT pg_advisory_xact_lock(${lock})`.execute(work);
    for (const purpose of purposes) {
      const { rows } = await sql`
        SELECT 1 FROM oauth_keys
        WHERE purpose = ${purpose} AND created_at > now() - ${sql.raw(newEvery)}`.execute(work);
      if (rows.length > 0) continue;
      const { id, value } = await makeKey(purpose);
      const vaultId = await vault.put(work, 'oauth-key', value);
      await work.insertInto('oauth_keys').values({ id, purpose, vault_id: vaultId }).execute();
    }
    const old = await sql<{ vault_id: string }>`
      DELETE FROM oauth_keys WHERE created_at < now() - ${sql.raw(keptFor)} RETURNING vault_id`.execute(work);
    await vault.remove(work, ...old.rows.map((row) => row.vault_id));
  });
}

async function makeKey(purpose: Purpose): Promise<{ id: string; value: string }> {
  if (purpose === 'cookie') {
    return { id: randomBytes(16).toString('hex'), value: randomBytes(32).toString('base64url') };
  }
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { id: kid, value: JSON.stringify({ ...jwk, kid, alg: 'ES256', use: 'sig' }) };
}
