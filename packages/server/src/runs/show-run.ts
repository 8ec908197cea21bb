import type { operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { notFound } from '../errors.ts';
import type { Verb } from '../http/route.ts';
import { RawJson } from '../json.ts';
import { runJson, statisticsJson } from './store.ts';

type Operations = typeof operations;

export const runShow: Verb<Operations['runShow']> = ({ db }, { subject }) => read(db, subject.id, runJson);

export const runStats: Verb<Operations['runStats']> = ({ db }, { subject }) =>
  read(db, subject.id, statisticsJson);

async function read(db: Database, id: string, item: RawBuilder<unknown>): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${item})::text AS json FROM runs r WHERE r.id = ${id}`.execute(db);
  if (!rows[0]) throw notFound('Run');
  return new RawJson(rows[0].json);
}
