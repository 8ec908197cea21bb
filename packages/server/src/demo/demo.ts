import { type Client, createClient, type ResultOf, waitForProcess, waitForState } from '@slipway/client';
import { issueBootstrapToken } from '../identity/first-admin.ts';
import type { Server } from '../server.ts';
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
  // Over HTTP, as everybody else: the demo walks the way that a user walks.
  const client = createClient({ url: server.url, token: await issueBootstrapToken(server.services) });
  await walk(server, { client, remember: (kind, id) => rememberDemoEntity(db, kind, id) }, say);
  await finishDemo(db);
}

async function walk(server: Server, maker: Maker, say: Say): Promise<void> {
  const { settings } = server.services;
  const { client } = maker;
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
  const version = { publicId: connector, connectorVersion: 1 };
  const { state } = await client.connectorVersionShow(version);
  if (state !== 'built' && !state.startsWith('synchronized')) {
    await step(
      'build',
      () => settle(client, client.connectorBuildTrigger({ body: { connector } })),
      (result) => `commit ${result.commit?.slice(0, 12)}`,
    );
  }
  await step('sync with runtime', () => client.connectorSyncRuntime(version));
  await step('sync with dev', () => settle(client, client.connectorSyncDev(version)));
  const { platform_dev_reference: dev } = await client.connectorVersionShow(version);
  const site = dev.site as number;
  await step(
    'run',
    () => runSite(client, site),
    (process) => `${process.steps[0]?.['rows-out'] ?? 0} rows taken over`,
  );
  for (const further of furtherConnectors) {
    await ensureConnector(maker, further, owner, await repositoryOf(maker, repositories, further));
  }
  await showRows(client, site, say);
}

async function repositoryOf(maker: Maker, root: string, { example }: DemoConnector): Promise<string> {
  const path = await ensureRepository(root, example);
  await maker.remember('repository', path);
  return path;
}

/** Organization, account, project and site, as far as they are not there yet. */
async function ensureWorkspace({ client, remember }: Maker): Promise<string> {
  const organization = await ensure('Demo', client.organizationList({ query: { name: 'Demo' } }), (body) =>
    client.organizationCreate({ body }),
  );
  const organizationId = organization.uuid;
  await remember('organization', organizationId);
  const me = await client.meShow();
  await client.addMemberToOrganization({ organizationId, memberId: me.uuid });
  const account = await ensure(
    'Demo shop',
    client.platformAccountList({ query: { name: 'Demo shop' } }),
    (body) => client.platformAccountCreate({ body }),
  );
  await remember('account', account.id);
  const inAccount = { accountId: account.id };
  const project = await ensure('Playground', client.platformProjectList(inAccount), (body) =>
    client.platformProjectCreate({ ...inAccount, body }),
  );
  await remember('project', project.id);
  const inProject = { projectId: project.id };
  const site = await ensure('Toy store', client.platformSiteList(inProject), (body) =>
    client.platformSiteCreate({ ...inProject, body }),
  );
  await remember('site', site.id);
  await client.updateOrganizationDefaultTargets({
    organizationId,
    body: { 'dev-defaults': { account: account.id, project: project.id } },
  });
  return organizationId;
}

/** The one of this name, made if there is none. */
async function ensure<T extends { name: string }>(
  name: string,
  list: AsyncIterable<T>,
  create: (body: { name: string }) => Promise<T>,
): Promise<T> {
  for await (const present of list) if (present.name === name) return present;
  return create({ name });
}

/** Waits until the background work is over. @throws with what it said when it failed */
async function settle(
  client: Client,
  start: Promise<ResultOf<'connectorBuildTrigger'>>,
): Promise<{ commit?: string }> {
  const { uuid } = (await start).state;
  const { status, data } = await waitForState(client, uuid);
  const result = data as { commit?: string; error?: string; step?: string };
  if (status === 'failed') throw new Error(`${result.error} (step ${result.step}, state ${uuid})`);
  return result;
}

async function runSite(client: Client, siteId: number): Promise<ResultOf<'platformProcessShow'>> {
  const { process_id } = await client.platformProcessCreate({ siteId, body: { action: 'import' } });
  const ended = await waitForProcess(client, siteId, process_id);
  if (ended.status === 'success') return ended;
  throw new Error(ended.reason ?? ended.steps.find((step) => step.error)?.error ?? 'The process failed.');
}

async function showRows(client: Client, siteId: number, say: Say): Promise<void> {
  const columns = ['id', 'title', 'brand', 'price-amount', 'availability'];
  const { items, metadata } = await client.platformDataShow({
    siteId,
    query: { limit: 8, columns: columns.join(',') },
  });
  say('');
  say(table(items, columns, Math.min(process.stdout.columns ?? 110, 140)));
  say(`${items.length} of ${metadata.total} rows on the dev site (site ${siteId})`);
}
