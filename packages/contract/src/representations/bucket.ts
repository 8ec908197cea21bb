import Type from 'typebox';
import { bucketEnvironments } from '../enums.ts';
import { oneOf, Time, Uuid } from './common.ts';

export const Bucket = Type.Object({
  id: Uuid,
  name: Type.String(),
  owner: Uuid,
  files: Type.Integer(),
  'size-bytes': Type.Integer(),
  links: Type.Array(
    Type.Object({
      connector: Uuid,
      version: Type.Integer(),
      type: Type.Literal('free'),
      environment: oneOf(bucketEnvironments),
    }),
  ),
  'created-at': Time,
  'updated-at': Time,
});

export const BucketFile = Type.Object({
  path: Type.String(),
  'size-bytes': Type.Integer(),
  'updated-at': Time,
});
