/**
 * Labels by which everything is found again that a Slipway has made at a Docker Engine. Several installations may share
 * one daemon; none touches what another has made.
 */
export const LABEL = {
  /** Id of the installation: all workers on one database. */
  installation: 'slipway.installation',
  /** What it is: see {@link Kind}. */
  kind: 'slipway.kind',
  /** Run or build that a container or network belongs to; it goes when the run or build is over. */
  work: 'slipway.work',
  connector: 'slipway.connector',
  version: 'slipway.version',
  commit: 'slipway.commit',
  /** Digest of all that decides about an image: the same input is not built twice. */
  input: 'slipway.input',
} as const;

export type Kind = 'connector-image' | 'health' | 'network' | 'sidecar' | 'guard' | 'connector';

/** Labels of something that belongs to a run or a build. */
export function workLabels(installation: string, work: string, kind: Kind): Record<string, string> {
  return { [LABEL.installation]: installation, [LABEL.work]: work, [LABEL.kind]: kind };
}

/** A filter of the Docker Engine API that asks for labels. */
export function labelFilter(labels: Readonly<Record<string, string>>): { label: string[] } {
  return { label: Object.entries(labels).map(([name, value]) => `${name}=${value}`) };
}
