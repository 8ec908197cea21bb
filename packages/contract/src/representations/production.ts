import Type from 'typebox';
import { Integers, nullable, oneOf } from './common.ts';

const Sites = Type.Object({
  count: Type.Integer(),
  sites: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() }), { maxItems: 100 }),
});

/** What a release, or its withdrawal, would change. */
export const ReleasePreview = Type.Object({
  action: oneOf(['release', 'unrelease']),
  allowed: Type.Boolean(),
  reason: nullable(Type.String()),
  'sites-gaining-access': Sites,
  'sites-losing-access': Sites,
  'sites-in-use': Sites,
  'cleared-accounts': Integers,
  'cleared-projects': Integers,
  'cleared-sites': Integers,
  'main-version-number': Type.Object({ before: nullable(Type.Integer()), after: nullable(Type.Integer()) }),
});
