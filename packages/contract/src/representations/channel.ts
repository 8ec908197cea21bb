import Type from 'typebox';
import { nullable, oneOf, Time, Uuid } from './common.ts';

export const legacyKinds = ['source', 'destination'] as const;

const times = { 'created-at': Time, 'updated-at': Time };

const fileName = nullable(Type.String());

/** What exports are made for (6.1). */
export const Channel = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  owner: nullable(Uuid),
  delta: Type.Boolean(),
  fields: Type.Array(
    Type.Object({
      name: Type.String(),
      aliases: Type.Array(Type.String()),
      mandatory: Type.Boolean(),
      unique: Type.Boolean(),
      tracked: Type.Boolean(),
      'delta-key': Type.Boolean(),
      'delta-ignored': Type.Boolean(),
      automap: Type.Boolean(),
      description: nullable(Type.String()),
      format: nullable(Type.String()),
    }),
  ),
  'file-names': Type.Object({
    plain: fileName,
    new: fileName,
    modified: fileName,
    deleted: fileName,
    unchanged: fileName,
    skipped: fileName,
  }),
  'single-file': Type.Boolean(),
  classifications: Type.Array(Type.Object({ id: Type.String(), path: Type.String() })),
  ...times,
});

export const LegacyExecutable = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  kind: oneOf(legacyKinds),
  image: Type.String(),
  command: Type.String(),
  ...times,
});
