import { isHidden } from '@slipway/records';
import { done, ok } from '../http/answers.ts';
import type { Call, Operation } from '../http/operation.ts';

const PONG = done(200, 'pong');

/** What a connector may ask about its run: container-api.md 5.1 and 5.17 to 5.19. */
export const informationOperations: readonly Operation[] = [
  { method: 'GET', path: '/ping', handle: async () => PONG },
  { method: 'GET', path: '/metadata', handle: async (call) => metadata(call) },
  {
    method: 'GET',
    path: '/column-order',
    handle: async (call) => {
      const showHidden = call.query.boolean('show-hidden', false);
      call.query.check();
      const order = await columnOrder(call);
      return ok('', { order: showHidden ? order : order.filter((column) => !isHidden(column)) });
    },
  },
  {
    method: 'GET',
    path: '/csa-classifications',
    handle: async (call) => {
      const wanted = call.query.text('classification-path')?.toLowerCase() ?? '';
      const found = call.run.context.classifications
        .filter(({ path }) => path.toLowerCase().includes(wanted))
        .sort((a, b) => a.id - b.id);
      return ok(
        'successful operation',
        found.map(({ id, path }) => ({ 'classification-id': id, 'classification-path': path })),
      );
    },
  },
];

async function columnOrder(call: Call): Promise<readonly string[]> {
  const { connector, columnOrder: ofChannel } = call.run.context;
  const exports = connector.type === 'export' || connector.type === 'export-delta';
  if (exports && ofChannel !== null) return ofChannel;
  const hasInput = call.run.inputNames.includes('input');
  return hasInput ? (await call.run.input('input', null)).columns : [];
}

function metadata(call: Call) {
  const { site, project, account, connector, version, environment, stage, processId, runId } =
    call.run.context;
  return ok('', {
    site: { id: site.id, name: site.name },
    project: { id: project.id, name: project.name },
    account: { id: account.id, name: account.name },
    connector: { id: connector.id, name: connector.name, type: connector.type },
    version,
    environment,
    stage,
    'process-id': processId,
    'run-id': runId,
  });
}
