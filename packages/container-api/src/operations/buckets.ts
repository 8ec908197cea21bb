import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFields } from '@slipway/records';
import { PathBlockedError } from '../files/anchored.ts';
import { cleanRemotePath } from '../files/clean-path.ts';
import { done, invalid } from '../http/answers.ts';
import type { Call, Operation } from '../http/operation.ts';
import type { StorageTask } from '../run/process-records.ts';
import { NO_FILE, NO_PATH, readPathField } from './source-fields.ts';

const UPLOADED = done(202, 'File has been uploaded.');
const DOWNLOADED = done(202, 'File has been downloaded.');
const DELETED = done(202, 'File has been deleted from bucket.');

/** Files of the linked bucket: container-api.md 5.14 to 5.16. */
export const bucketOperations: readonly Operation[] = [
  {
    method: 'PUT',
    path: '/buckets/exchange/upload/*',
    handle: async (call) => {
      const remoteFile = call.parameter('*');
      await upload(call, await readTask(call, remoteFile, readFields(await call.body())));
      return UPLOADED;
    },
  },
  {
    method: 'GET',
    path: '/buckets/exchange/download/*',
    handle: async (call) => {
      const segments = remoteFile(call);
      const found = await orBlocked(call.run.files.download(segments));
      if (!found) throw invalid({ remoteFile: NO_FILE });
      return DOWNLOADED;
    },
  },
  {
    method: 'DELETE',
    path: '/buckets/delete/*',
    handle: async (call) => {
      const found = await call.run.files.remove(remoteFile(call));
      if (!found) throw invalid({ remoteFile: NO_FILE });
      return DELETED;
    },
  },
];

/** The path of an existing file of the bucket. */
function remoteFile(call: Call): readonly string[] {
  const segments = cleanRemotePath(call.parameter('*'), false);
  if (!segments) throw invalid({ remoteFile: NO_PATH });
  checkBucket(call);
  return segments;
}

/** @throws {Refusal} when no bucket is linked; the last of all checks */
function checkBucket(call: Call): void {
  if (!call.run.files.hasBucket) throw invalid({ bucket: 'No bucket is linked to this connector version.' });
}

async function readTask(
  call: Call,
  remoteFile: string,
  fields: ReadonlyMap<string, string>,
): Promise<StorageTask> {
  const sourceFile = readPathField(fields.get('source_file'));
  const errors: Record<string, string> = {};
  const source = 'text' in sourceFile ? await call.run.files.findSource(sourceFile.text) : null;
  if ('error' in sourceFile) errors.sourceFile = sourceFile.error;
  else if (!source || source.isFolder) errors.sourceFile = NO_FILE;
  const remote = cleanRemotePath(remoteFile, false);
  if (!remote) errors.remoteFile = NO_PATH;
  if (!source || !remote || source.isFolder) throw invalid(errors);
  checkBucket(call);
  return { store: 'bucket', source: source.path, remote: remote.join('/') };
}

/** Uploads; what takes long goes on as a storage process after the answer (container-api.md 7.2). */
async function upload({ run }: Call, task: StorageTask): Promise<void> {
  const id = randomUUID();
  const stop = new AbortController();
  const work = run.files.perform(id, task, stop.signal);
  const waiting = new AbortController();
  const late = sleep(run.files.uploadAnswerMs, true, { signal: waiting.signal }).catch(() => false);
  try {
    const isLate = await Promise.race([work.then(() => false), late]);
    if (isLate) await run.processes.start(id, task, undefined, { work, stop });
  } catch (error) {
    await orBlocked(Promise.reject(error));
  } finally {
    waiting.abort();
  }
}

/** @throws {Refusal} when something is in the way of the path */
async function orBlocked<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PathBlockedError) throw invalid({ remoteFile: NO_PATH });
    throw error;
  }
}
