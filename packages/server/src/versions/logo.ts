import { createHash } from 'node:crypto';
import { operations, texts } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, notFound } from '../errors.ts';
import { type Input, Reply } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { auditVersion } from './audit-version.ts';
import type { VersionSubject } from './resolver.ts';
import { lockVersion, versionJson } from './store.ts';
import { isHarmlessSvg } from './svg.ts';

/** `POST …/logo`: replaces the logo, and the patch number rises by one. Allowed in every state. */
export async function uploadLogo(
  context: Context,
  { subject, upload }: Input<typeof operations.connectorVersionUploadLogo>,
): Promise<RawJson> {
  const file = await upload();
  if (file === null) throw badRequest({ logo: texts.blank });
  if (file === 'too-large') {
    throw badRequest({ logo: 'This file is too large. Allowed maximum size is 256 KiB.' });
  }
  if (!isHarmlessSvg(file)) throw badRequest({ logo: 'This file is not a valid SVG image.' });
  return inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    await work.db
      .insertInto('version_logos')
      .values({ version_id: subject.id, svg: file })
      .onConflict((conflict) => conflict.column('version_id').doUpdateSet({ svg: file }))
      .execute();
    await nextPatch(work.db, subject, true);
    await auditVersion(work, operations.connectorVersionUploadLogo, subject, [
      { path: 'version', from: `${row.major}.0.${row.patch}`, to: `${row.major}.0.${row.patch + 1}` },
    ]);
    return versionJson(work.db, work.services.settings, subject.id);
  });
}

/** `DELETE …/logo` */
export function removeLogo(
  context: Context,
  { subject }: Input<typeof operations.connectorVersionRemoveLogo>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    if (!row.has_logo) throw notFound('Logo');
    await work.db.deleteFrom('version_logos').where('version_id', '=', subject.id).execute();
    await nextPatch(work.db, subject, false);
    await auditVersion(work, operations.connectorVersionRemoveLogo, subject, [
      { path: 'version', from: `${row.major}.0.${row.patch}`, to: `${row.major}.0.${row.patch + 1}` },
    ]);
    return versionJson(work.db, work.services.settings, subject.id);
  });
}

const nextPatch = (db: Work, { id }: VersionSubject, hasLogo: boolean) =>
  db
    .updateTable('connector_versions')
    .set({ has_logo: hasLogo, patch: sql<number>`patch + 1`, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute();

/** `GET /files/connectors/{publicId}/{major}/logo.svg`: for everybody, and harmless also when opened by itself. */
export async function showLogo(
  { db }: Context,
  { params }: Input<typeof operations.logoShow>,
): Promise<Reply> {
  const { rows } = await sql<{ svg: Buffer }>`
    SELECT l.svg FROM connector_versions v
      JOIN connectors c ON c.id = v.connector_id
      JOIN version_logos l ON l.version_id = v.id
    WHERE v.connector_id = ${params.publicId} AND v.major = ${Number(params.major)} AND c.deleted_at IS NULL`.execute(
    db,
  );
  const svg = rows[0]?.svg;
  if (!svg) throw notFound('Logo');
  return new Reply(svg, {
    headers: {
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      'x-content-type-options': 'nosniff',
      etag: `"${createHash('sha256').update(svg).digest('base64url')}"`,
      'cache-control': 'public, max-age=300',
    },
  });
}
