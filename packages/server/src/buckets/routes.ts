import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { createBucket, deleteBucket, listBucketFiles, listBuckets, showBucket } from './buckets.ts';
import { resolveBucket } from './subject.ts';

export const bucketRoutes: Route[] = [
  route(operations.bucketList, listBuckets),
  route(operations.bucketCreate, createBucket),
  route(operations.bucketShow, showBucket),
  route(operations.bucketFileList, listBucketFiles),
  route(operations.bucketDelete, deleteBucket),
];

export const bucketResolvers = { bucket: resolveBucket };
