import type { BodyOf, operations } from '@slipway/contract';
import { sql } from 'kysely';
import { connectorRight } from '../connectors/resolver.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, notFound, refused } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import { byNumber, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import type { Resolver } from '../http/subjects.ts';
import { chooseOwner } from '../organizations/ownership.ts';
import { exportsToChannel } from '../versions/platform-references.ts';
import { channelJson } from './channel-store.ts';
import { nameContains, showJson } from './store.ts';

type Operations = typeof operations;
type Body = BodyOf<Operations['platformChannelUpdate']>;

export interface ChannelSubject {
  id: number;
  name: string;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    channel: ChannelSubject;
  }
}

/** Members of the owner may change a channel; one without an owner belongs to the admins. */
export const resolveChannel: Resolver<'channel'> = async ({ db, actor }, params) => {
  const row = await db
    .selectFrom('channels')
    .select(['id', 'name', 'owner_id as ownerId'])
    .where('id', '=', Number(params.channelId))
    .executeTakeFirst();
  if (!row) throw notFound('Channel');
  const { ownerId, ...subject } = row;
  const right = ownerId === null && actor.role !== 'admin' ? 'none' : connectorRight(actor, ownerId ?? '');
  return { subject, right, thing: 'Channel' };
};

export const channelList: Verb<Operations['platformChannelList']> = ({ db }, { query, page }) =>
  readPage(db, page, {
    table: sql`channels`,
    alias: 'c',
    where: sql`${nameContains('c.name', query.name)}
      AND ${query.delta === undefined ? sql`true` : sql`c.delta = ${query.delta}`}`,
    item: channelJson,
    order: byNumber('c'),
  });

export const channelShow: Verb<Operations['platformChannelShow']> = (context, { subject }) =>
  showChannel(context, subject.id);

const showChannel = ({ db }: Context, id: number) =>
  showJson(db, channelJson, sql`channels c WHERE c.id = ${id}`);

export const channelCreate: Verb<Operations['platformChannelCreate']> = (context, { body }) =>
  inTransaction(context, async (work) => {
    const { owner, delta = false, ...rest } = body;
    const ofAdmins = owner === undefined && work.actor.role === 'admin';
    const ownerId = ofAdmins ? null : (await chooseOwner(work, owner)).id;
    const content = contentOf(rest);
    checkDeltaKey(content, delta);
    const { id } = await work.db
      .insertInto('channels')
      .values({ owner_id: ownerId, delta, ...columnsOf(content) })
      .returning('id')
      .executeTakeFirstOrThrow();
    await audit(work, {
      action: 'platform_channel_create',
      entity: { type: 'channel', id, name: body.name },
      changes: changesBetween({}, { owner: ownerId, delta, ...content }),
    });
    return showChannel(work, id);
  });

/** PUT replaces; owner and kind are fixed. */
export const channelUpdate: Verb<Operations['platformChannelUpdate']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const row = await lockChannel(work.db, subject.id);
    const content = contentOf(body);
    checkDeltaKey(content, row.delta);
    const before = {
      name: row.name,
      fields: row.fields,
      'file-names': row.file_names,
      'single-file': row.single_file,
      classifications: row.classifications,
    };
    const changes = changesBetween(before, content);
    if (changes.length > 0) {
      await work.db
        .updateTable('channels')
        .set({ ...columnsOf(content), updated_at: sql<Date>`now()` })
        .where('id', '=', subject.id)
        .execute();
      await audit(work, {
        action: 'platform_channel_update',
        entity: { type: 'channel', id: subject.id, name: content.name },
        changes,
      });
    }
    return showChannel(work, subject.id);
  });

/** A channel that a version exports to stays. */
export const channelDelete: Verb<Operations['platformChannelDelete']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    await lockChannel(work.db, subject.id);
    if (await exportsToChannel(work.db, subject.id)) throw refused('Channel is in use.');
    await work.db.deleteFrom('channels').where('id', '=', subject.id).execute();
    await audit(work, {
      action: 'platform_channel_delete',
      entity: { type: 'channel', id: subject.id, name: subject.name },
    });
  });

const lockChannel = (db: Work, id: number) =>
  db
    .selectFrom('channels')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => notFound('Channel'));

type Content = ReturnType<typeof contentOf>;

/** The body with the defaults filled in, keys in the order of the representation. */
function contentOf(body: Body) {
  const names = body['file-names'] ?? {};
  return {
    name: body.name,
    fields: (body.fields ?? []).map((field) => ({
      name: field.name,
      aliases: field.aliases ?? [],
      mandatory: field.mandatory ?? false,
      unique: field.unique ?? false,
      tracked: field.tracked ?? true,
      'delta-key': field['delta-key'] ?? false,
      'delta-ignored': field['delta-ignored'] ?? false,
      automap: field.automap ?? true,
      description: field.description || null,
      format: field.format || null,
    })),
    'file-names': {
      plain: names.plain || null,
      new: names.new || null,
      modified: names.modified || null,
      deleted: names.deleted || null,
      unchanged: names.unchanged || null,
      skipped: names.skipped || null,
    },
    'single-file': body['single-file'] ?? false,
    classifications: (body.classifications ?? []).map(({ id, path }) => ({ id, path })),
  };
}

/** @throws 400 unless a delta channel has exactly one key, which is unique */
function checkDeltaKey({ fields }: Content, delta: boolean): void {
  const keys = fields.filter((field) => field['delta-key']);
  if (delta && (keys.length !== 1 || !keys[0]?.unique)) {
    throw badRequest({ fields: 'A delta channel needs exactly one unique field as delta key.' });
  }
}

const columnsOf = (content: Content) => ({
  name: content.name,
  fields: JSON.stringify(content.fields),
  file_names: JSON.stringify(content['file-names']),
  single_file: content['single-file'],
  classifications: JSON.stringify(content.classifications),
});

/** Those of the channels that exist, with their kind; they stay until the transaction ends. */
export async function keepChannels(
  db: Work,
  ids: readonly number[],
): Promise<Map<number, { delta: boolean }>> {
  const { rows } = await sql<{ id: number; delta: boolean }>`
    SELECT id, delta FROM channels WHERE id = ANY(${[...ids]}::integer[]) ORDER BY id FOR SHARE`.execute(db);
  return new Map(rows.map(({ id, delta }) => [id, { delta }]));
}
