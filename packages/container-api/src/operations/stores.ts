import { randomUUID } from 'node:crypto';
import { readFields } from '@slipway/records';
import { cleanRemotePath } from '../files/clean-path.ts';
import { type Answer, invalid } from '../http/answers.ts';
import type { Call, Operation } from '../http/operation.ts';
import type { StorageTask, StoreName } from '../run/process-records.ts';
import { oncePerKey } from './keyed.ts';
import { NO_FILE, NO_PATH, readPathField } from './source-fields.ts';

const STARTED = 'Upload process started. You can check the status of the process via api with the given id.';

/** Storing files and folders: container-api.md 5.13. */
export const storeOperations: readonly Operation[] = [
  { method: 'POST', path: '/store/to-transport', handle: (call) => store(call, 'transport') },
  { method: 'POST', path: '/storage/internal', handle: (call) => store(call, 'internal') },
];

async function store(call: Call, name: StoreName): Promise<Answer> {
  const body = await call.body();
  const fields = readFields(body);
  return await oncePerKey(call, body, async (record) => {
    const task = await readTask(call, name, fields);
    const id = randomUUID();
    const answer = { status: 202, body: JSON.stringify({ message: STARTED, data: { id } }) };
    await call.run.processes.start(id, task, (end) => record({ on: 'processes', end }, answer));
    return answer;
  });
}

/** @throws {Refusal} when a field is wrong */
async function readTask(
  call: Call,
  store: StoreName,
  fields: ReadonlyMap<string, string>,
): Promise<StorageTask> {
  const sourceFile = readPathField(fields.get('source_file'));
  const remoteFile = readPathField(fields.get('remote_file'));
  const errors: Record<string, string> = {};
  const source = 'text' in sourceFile ? await call.run.files.findSource(sourceFile.text) : null;
  if ('error' in sourceFile) errors.sourceFile = sourceFile.error;
  else if (!source) errors.sourceFile = NO_FILE;
  const remote = 'text' in remoteFile ? cleanRemotePath(remoteFile.text, source?.isFolder ?? false) : null;
  if ('error' in remoteFile) errors.remoteFile = remoteFile.error;
  else if (!remote) errors.remoteFile = NO_PATH;
  if (!source || !remote) throw invalid(errors);
  return { store, source: source.path, remote: remote.join('/') };
}
