import Type from 'typebox';
import { type Endpoint, path, word } from './endpoint.ts';

const group = 'Files';

const remoteFile = path('remoteFile', Type.String(), 'Relative path in the bucket; may contain slashes');
const sourceFile = Type.String({ minLength: 1, description: 'Relative path in the exchange folder' });
const toStore = Type.Object({
  source_file: sourceFile,
  remote_file: Type.String({ minLength: 1, description: 'Relative path in the store' }),
});
const started = {
  status: 202,
  message: 'Upload process started. You can check the status of the process via api with the given id.',
  data: Type.Object({ id: Type.String({ format: 'uuid' }) }),
} as const;
const wrongFiles = 'A path is not valid, or there is no such file';
const noBucket = 'A path is not valid, there is no such file, or no bucket is linked';

const Process = Type.Object({
  id: Type.String({ format: 'uuid' }),
  status: word('running', 'finished', 'failed'),
  'exit-code': Type.Union([Type.Integer(), Type.Null()]),
  'seconds-remaining': Type.Integer(),
});

export const exchangeEndpoints: readonly Endpoint[] = [
  {
    id: 'pending_processes',
    method: 'GET',
    path: '/processes/pending',
    group,
    tag: 'documented',
    summary: 'The storage processes that still run',
    success: { status: 200, message: '', data: Type.Array(Process) },
  },
  {
    id: 'process',
    method: 'GET',
    path: '/processes/{uuid}',
    group,
    tag: 'documented',
    summary: 'One storage process',
    parameters: [path('uuid', Type.String())],
    success: { status: 200, message: '', data: Process },
    errors: { 404: '`Process not found.`' },
  },
  {
    id: 'log_processes',
    method: 'POST',
    path: '/processes/log',
    group,
    tag: 'documented',
    summary: 'Write a log entry for each storage process',
    success: { status: 200, message: 'Written successfully.' },
  },
  {
    id: 'to_transport',
    method: 'POST',
    path: '/store/to-transport',
    group,
    tag: 'documented',
    summary: 'Hand a file or folder to the transport area, for delivery',
    body: toStore,
    idempotent: true,
    success: started,
    errors: { 400: wrongFiles },
  },
  {
    id: 'to_internal',
    method: 'POST',
    path: '/storage/internal',
    group,
    tag: 'documented',
    summary: 'Keep a file or folder in the internal storage of the run',
    deprecated: true,
    body: toStore,
    idempotent: true,
    success: started,
    errors: { 400: wrongFiles },
  },
  {
    id: 'upload_to_bucket',
    method: 'PUT',
    path: '/buckets/exchange/upload/{remoteFile}',
    group,
    tag: 'documented',
    summary: 'Copy a file from the exchange folder to the bucket',
    parameters: [remoteFile],
    body: Type.Object({ source_file: sourceFile }),
    success: { status: 202, message: 'File has been uploaded.' },
    errors: { 400: noBucket },
  },
  {
    id: 'download_from_bucket',
    method: 'GET',
    path: '/buckets/exchange/download/{remoteFile}',
    group,
    tag: 'documented',
    summary: 'Copy a file from the bucket to the exchange folder',
    parameters: [remoteFile],
    success: { status: 202, message: 'File has been downloaded.' },
    errors: { 400: noBucket },
  },
  {
    id: 'delete_from_bucket',
    method: 'DELETE',
    path: '/buckets/delete/{remoteFile}',
    group,
    tag: 'documented',
    summary: 'Delete a file of the bucket',
    parameters: [remoteFile],
    success: { status: 202, message: 'File has been deleted from bucket.' },
    errors: { 400: noBucket },
  },
];
