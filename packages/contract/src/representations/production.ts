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

/** A part of a site that runs a version. */
export const ConnectorSite = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  'project-id': Type.Integer(),
  'account-id': Type.Integer(),
  environment: oneOf(['dev', 'prod']),
  kind: oneOf(['data-source', 'data-service', 'export']),
  entry: Type.Integer(),
});

export const MovedSites = Type.Object({
  moved: Integers,
  skipped: Type.Array(Type.Object({ site: Type.Integer(), reason: Type.String() })),
});
