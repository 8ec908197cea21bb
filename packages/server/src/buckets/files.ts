import type { Storage } from '../storage/storage.ts';

/** Where the files of a bucket lie. */
export const bucketFolder = (storage: Storage, bucketId: string): Promise<string> =>
  storage.folder('buckets', bucketId);

export const removeBucketFiles = (storage: Storage, bucketId: string): Promise<void> =>
  storage.remove('buckets', bucketId);
