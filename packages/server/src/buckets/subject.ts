import { connectorRight } from '../connectors/resolver.ts';
import { notFound } from '../errors.ts';
import type { Resolver } from '../http/subjects.ts';

export interface BucketSubject {
  id: string;
  name: string;
  ownerId: string;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    bucket: BucketSubject;
  }
}

/** A bucket belongs to its owner just as a connector does. */
export const resolveBucket: Resolver<'bucket'> = async ({ db, actor }, params) => {
  const subject = await db
    .selectFrom('buckets')
    .select(['id', 'name', 'owner_id as ownerId'])
    .where('id', '=', params.bucketId as string)
    .executeTakeFirst();
  if (!subject) throw notFound('Bucket');
  return { subject, right: connectorRight(actor, subject.ownerId), thing: 'Bucket' };
};
