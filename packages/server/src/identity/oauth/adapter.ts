import { sql } from 'kysely';
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider';
import type { Database } from '../../database/database.ts';
import { sha256 } from '../../ids.ts';
import { clientMetadata } from './clients.ts';
import { endGrant } from './sign-ins.ts';

/** What is looked up by another key than its id, and therefore has to carry it. Their cookies are signed, their codes short-lived. */
const keepsId = new Set(['Session', 'DeviceCode', 'Interaction', 'Grant']);

/** Where the provider keeps what it has to remember: one table, ids as hashes, what is over is swept. */
export const postgresAdapter =
  (db: Database, publicUrl: string) =>
  (model: string): Adapter => {
    const where = (id: string) => sql`model = ${model} AND id_hash = ${sha256(id)}`;
    const findBy = async (condition: ReturnType<typeof where>, id?: string) => {
      const { rows } = await sql<{ payload: AdapterPayload; consumed: number | null }>`
        SELECT payload, extract(epoch FROM consumed_at)::float8 AS consumed FROM oauth_records
        WHERE ${condition} AND expires_at > now()`.execute(db);
      const row = rows[0];
      if (!row) return undefined;
      return {
        ...row.payload,
        ...(id === undefined || keepsId.has(model) ? {} : { jti: id }),
        ...(row.consumed === null ? {} : { consumed: Math.floor(row.consumed) }),
      };
    };
    return {
      async upsert(id, payload, expiresIn) {
        const { jti, ...rest } = payload;
        const kept = keepsId.has(model) ? { ...rest, jti } : rest;
        // A grant belongs to itself, so that what ends the grant finds it too.
        const grantId = model === 'Grant' ? id : (payload.grantId ?? null);
        await sql`
          INSERT INTO oauth_records
            (model, id_hash, payload, grant_id, account_id, client_id, uid, user_code, expires_at)
          VALUES (${model}, ${sha256(id)}, ${JSON.stringify(kept)}, ${grantId}, ${payload.accountId ?? null},
            ${payload.clientId ?? null}, ${model === 'Session' ? payload.uid : null}, ${payload.userCode ?? null},
            now() + make_interval(secs => ${expiresIn ?? 3600}))
          ON CONFLICT (model, id_hash) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
            account_id = excluded.account_id, client_id = excluded.client_id, uid = excluded.uid,
            user_code = excluded.user_code, expires_at = excluded.expires_at`.execute(db);
      },
      async find(id) {
        return model === 'Client' ? clientMetadata(db, id, publicUrl) : findBy(where(id), id);
      },
      findByUid: (uid) => findBy(sql`model = ${model} AND uid = ${uid}`),
      findByUserCode: (userCode) => findBy(sql`model = ${model} AND user_code = ${userCode}`),
      async consume(id) {
        const { rows } = await sql<{ grant_id: string | null }>`
          UPDATE oauth_records SET consumed_at = now() WHERE ${where(id)} AND consumed_at IS NULL
          RETURNING grant_id`.execute(db);
        if (rows.length > 0) return;
        // Used twice at the same time: both found it unused, so the provider did not see it. It is a reuse all the same.
        const record = await findBy(where(id), id);
        if (record?.grantId) await endGrant(db, record.grantId);
        throw new errors.InvalidGrant('grant request is invalid');
      },
      async destroy(id) {
        if (model === 'Grant') await endGrant(db, id);
        else await sql`DELETE FROM oauth_records WHERE ${where(id)}`.execute(db);
      },
      async revokeByGrantId(grantId) {
        await sql`DELETE FROM oauth_records WHERE model = ${model} AND grant_id = ${grantId}`.execute(db);
      },
    };
  };
