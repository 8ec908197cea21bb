import { inFlightStates, versionStates } from '../../packages/contract/src/index.ts';
import { type Action, transitions } from '../../packages/server/src/versions/transitions.ts';

const intro = `# States of a version

A version is in one state at a time. In the states in flight (${inFlightStates.map((state) => `\`${state}\``).join(', ')})
something is going on in the background; whatever would change the version is refused then with
\`Transition is not allowed, entity is <state>.\`, and when the work fails or is cancelled the version is back in the state
it came from.

A change of the configuration is possible in every other state while the version is not in production. It leads to
\`updated\` when the repository and the application are both configured, else to \`updating\`. A version in production (released, or
opened to an account, project or site) is neither changed nor built.

This page is generated from \`packages/server/src/versions/transitions.ts\`, the table that the server decides by, with
\`node scripts/with-node.mjs scripts/generate-docs.ts\`.
`;

const operationOf: Record<Action, string> = {
  build: 'connector_build_trigger',
  'sync-runtime': 'connector_sync_runtime',
  'sync-dev': 'connector_sync_dev',
  'sync-prod': 'connector_sync_prod',
  rollback: 'connector_rollback_migration',
};

/** The text of docs/reference/version-states.md. */
export function statesPage(): string {
  const lines = transitions.map(({ action, from, during, to, productionCopy }) => {
    const copy = productionCopy === null ? '' : productionCopy ? 'with a production copy' : 'without one';
    return `| \`${from}\` | \`${operationOf[action]}\` | ${during ? `\`${during}\`` : ''} | \`${to}\` | ${copy} |`;
  });
  const from = versionStates.map((state) => {
    const allowed = Object.entries(operationOf)
      .filter(([action]) => transitions.some((row) => row.action === action && row.from === state))
      .map(([, operation]) => `\`${operation}\``);
    return `| \`${state}\` | ${allowed.join(', ') || 'none of them'} |`;
  });
  return [
    intro,
    '| from | operation | while it goes on | to | only |\n| --- | --- | --- | --- | --- |',
    ...lines,
    '\n## What is allowed where\n',
    '| state | operations |\n| --- | --- |',
    ...from,
    '',
  ].join('\n');
}
