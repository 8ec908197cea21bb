import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { byNumber, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { notificationJson, siteErrorJson } from './store.ts';

type Operations = typeof operations;

/** Newest first; `read` is the caller's own. */
export const notificationList: Verb<Operations['platformNotificationList']> = (
  { db, actor },
  { subject, query, page },
) => {
  const read = isRead(actor.id);
  const { level, 'process-id': process } = query;
  return readPage(db, page, {
    table: sql`notifications`,
    alias: 'n',
    where: sql`n.site_id = ${subject.id}
      ${level === undefined ? sql`` : sql`AND n.level = ${level}`}
      ${process === undefined ? sql`` : sql`AND n.process_id = ${process}`}
      ${query.read === undefined ? sql`` : sql`AND ${read} = ${query.read}`}`,
    item: notificationJson(read),
    order: { ...byNumber('n'), direction: 'DESC' },
  });
};

const isRead = (user: string) => sql<boolean>`(n.id <= coalesce(
  (SELECT m.up_to FROM notification_reads m WHERE m.user_id = ${user} AND m.site_id = n.site_id), 0))`;

/** What was read stays read: a smaller number than the one before changes nothing. */
export const notificationRead: Verb<Operations['platformNotificationRead']> = async (
  { db, actor },
  { subject, body },
) => {
  const newest = sql`(SELECT coalesce(max(n.id), 0) FROM notifications n WHERE n.site_id = ${subject.id})`;
  await sql`
    INSERT INTO notification_reads AS r (user_id, site_id, up_to)
    VALUES (${actor.id}, ${subject.id}, ${body['up-to'] ?? newest})
    ON CONFLICT (user_id, site_id) DO UPDATE SET up_to = greatest(r.up_to, excluded.up_to)`.execute(db);
};

export const errorList: Verb<Operations['platformErrorList']> = ({ db }, { subject, query, page }) => {
  const newest = sql`(SELECT r.id FROM processes r WHERE r.site_id = ${subject.id}
    ORDER BY r.created_at DESC, r.id DESC LIMIT 1)`;
  return readPage(db, page, {
    table: sql`site_errors`,
    alias: 'e',
    where: sql`e.site_id = ${subject.id} AND e.process_id = ${query['process-id'] ?? newest}
      ${query.type === undefined ? sql`` : sql`AND e.type = ${query.type}`}`,
    item: siteErrorJson,
    order: { ...byNumber('e'), direction: 'DESC' },
  });
};
