import type { VersionSubject } from '../versions/resolver.ts';

/** What an audit event of a version is about. */
export const about = (subject: VersionSubject) => ({
  entity: {
    type: 'connector-version',
    id: `${subject.connectorId}/${subject.major}`,
    name: subject.name,
  },
  connector: subject.connectorId,
});
