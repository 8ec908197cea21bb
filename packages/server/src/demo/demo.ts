import { issueBootstrapToken } from '../identity/first-admin.ts';
import type { Server } from '../server.ts';
import { type Api, apiOf } from './api.ts';
import {
  type DemoConnector,
  demoCatalogue,
  ensureConnector,
  furtherConnectors,
  type Maker,
} from './connectors.ts';
import { ensureRepository } from './repositories.ts';
import { table } from './table.ts';
import { beginDemo, finishDemo, rememberDemoEntity } from './workspace.ts';

type Say = (line: string) => void;

/**
 * Makes the demo workspace on an empty embedded database, or goes on with one that was interrupted, and walks its first connector from the git repository to rows
 * on a site before the user's eyes.
 */
export async function runDemo(server: Server, say: Say): Promise<void> {
  const { db, settings } = server.services;
  if (!settings.demo || !(await beginDemo(db))) return;
  const api = apiOf(server.url, await issueBootstrapToken(server.services));
  await walk(server, { api, remember: (kind, id) => rememberDemoEntity(db, kind, id) }, say);
  await finishDemo(db);
}

async function walk(server: Server, maker: Maker, say: Say): Promise<void> {
  const { settings } = server.services;
  const { api } = maker;
  const step = async <T>(
    name: string,
    work: () => Promise<T>,
    tell: (result: T) => string = () => '',
  ): Promise<T> => {
    const start = performance.now();
    const result = await work();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    say(`  ✓ ${name}${tell(result) && `: ${tell(result)}`} (${seconds} s)`);
    return result;
  };

  say('');
  say('Demo: from a git repository to rows on a dev site');
  const repositories = settings.localRepositoriesRoot;
  const owner = await step(
    'workspace',
    () => ensureWorkspace(maker),
    () => 'organization "Demo", account "Demo shop"',
  );
  const repository = await step(
    'repository',
    () => repositoryOf(maker, repositories, demoCatalogue),
    (path) => path,
  );
  const connector = await step(
    'connector',
    () => ensureConnector(maker, demoCatalogue, owner, repository),
    () => demoCatalogue.name,
  );
  const version = `/connectors/${connector}/versions/1`;
  const { data: before } = await api.get<Version>(version);
  if (before.state !== 'built' && !before.state.startsWith('synchronized')) {
    await step(
      'build',
      () => build(api, connector),
      (state) => `commit ${state.data.commit?.slice(0, 12)}`,
    );
  }
  await step('sync with runtime', () => api.send('POST', `${version}/sync-runtime`));
  await step('sync with dev', async () => settle(api, await started(api, `${version}/sync/dev`)));
  const { data } = await api.get<Version>(version);
  const site = data.platform_dev_reference.site as number;
  await step(
    'run',
    () => runSite(api, site),
    (process) => `${process.steps[0]?.['rows-out'] ?? 0} rows taken over`,
  );
  for (const further of furtherConnectors) {
    await ensureConnector(maker, further, owner, await repositoryOf(maker, repositories, further));
  }
  await showRows(api, site, say);
}

interface Version {
  data: { state: string; platform_dev_reference: { site: number | null } };
}

async function repositoryOf(maker: Maker, root: string, { example }: DemoConnector): Promise<string> {
  const path = await ensureRepository(root, example);
  await maker.remember('repository', path);
  return path;
}

/** Organization, account, project and site, as far as they are not there yet. */
async function ensureWorkspace({ api, remember }: Maker): Promise<string> {
  const organization = await ensure<{ uuid: string }>(api, '/organizations', 'Demo');
  await remember('organization', organization.uuid);
  const me = await api.get<{ data: { uuid: string } }>('/me');
  await api.send('PUT', `/organizations/${organization.uuid}/members/${me.data.uuid}`);
  const account = await ensure<{ id: number }>(api, '/platform/accounts', 'Demo shop');
  await remember('account', account.id);
  const inAccount = `/platform/accounts/${account.id}/projects`;
  const project = await ensure<{ id: number }>(api, inAccount, 'Playground');
  await remember('project', project.id);
  const site = await ensure<{ id: number }>(api, `/platform/projects/${project.id}/sites`, 'Toy store');
  await remember('site', site.id);
  await api.send('PUT', `/defaults/organizations/${organization.uuid}`, {
    'dev-defaults': { account: account.id, project: project.id },
  });
  return organization.uuid;
}

async function ensure<T>(api: Api, path: string, name: string): Promise<T> {
  const { data } = await api.get<{ data: (T & { name: string })[] }>(
    `${path}?name=${encodeURIComponent(name)}`,
  );
  const present = data.find((entry) => entry.name === name);
  return present ?? (await api.send<{ data: T }>('POST', path, { name })).data;
}

interface State {
  status: 'pending' | 'done' | 'failed';
  data: { commit?: string; error?: string; step?: string };
}

const started = async (api: Api, path: string, body?: unknown): Promise<string> =>
  (await api.send<{ data: { state: { uuid: string } } }>('POST', path, body)).data.state.uuid;

const build = async (api: Api, connector: string): Promise<State> =>
  settle(api, await started(api, '/builds/connectors', { connector }));

/** Waits until the background work is over. @throws with what it said when it failed */
async function settle(api: Api, id: string): Promise<State> {
  for (;;) {
    const { data } = await api.get<{ data: State }>(`/states/${id}`);
    if (data.status === 'failed') throw new Error(`${data.data.error} (step ${data.data.step}, state ${id})`);
    if (data.status === 'done') return data;
    await pause();
  }
}

interface Process {
  status: 'queued' | 'running' | 'success' | 'failed';
  reason: string | null;
  steps: { 'rows-out': number | null; error: string | null }[];
}

async function runSite(api: Api, site: number): Promise<Process> {
  const { data } = await api.send<{ data: { process_id: string } }>(
    'POST',
    `/platform/sites/${site}/processes`,
    {
      action: 'import',
    },
  );
  for (;;) {
    const { data: process } = await api.get<{ data: Process }>(
      `/platform/sites/${site}/processes/${data.process_id}`,
    );
    if (process.status === 'failed') {
      throw new Error(
        process.reason ?? process.steps.find((step) => step.error)?.error ?? 'The process failed.',
      );
    }
    if (process.status === 'success') return process;
    await pause();
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

async function showRows(api: Api, site: number, say: Say): Promise<void> {
  const columns = ['id', 'title', 'brand', 'price-amount', 'availability'];
  const { data, metadata } = await api.get<{ data: Record<string, string>[]; metadata: { total: number } }>(
    `/platform/sites/${site}/data?limit=8&columns=${columns.join(',')}`,
  );
  say('');
  say(table(data, columns, Math.min(process.stdout.columns ?? 110, 140)));
  say(`${data.length} of ${metadata.total} rows on the dev site (site ${site})`);
}
