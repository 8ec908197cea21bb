import { join } from 'node:path';
import { detectEngine, EgressPolicy } from '@slipway/engine';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { startBuildWorker } from './builds/build-worker.ts';
import { startImageSweeper } from './builds/sweep-images.ts';
import { type Connection, connect } from './database/connect.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './database/embedded.ts';
import { migrate } from './database/migrate.ts';
import { startDeploymentWorker } from './deployments/deployment-worker.ts';
import { dockerSettings, installationId } from './docker-settings.ts';
import { startSignals } from './events/signals.ts';
import { buildApp } from './http/app.ts';
import { startAnswerKeeper } from './http/idempotency.ts';
import { startCountKeeper } from './http/list-counts.ts';
import { requestsPerMinute } from './http/rate-limit.ts';
import { ensureFirstAdmin } from './identity/first-admin.ts';
import { openSigningKeys } from './identity/oauth/keys.ts';
import { mountOAuth } from './identity/oauth/mount.ts';
import { newId } from './ids.ts';
import { startJobs } from './jobs/jobs.ts';
import { holdLease } from './jobs/leases.ts';
import { startRecovery } from './operations/recovery.ts';
import { embeddedPlatform } from './platform/embedded.ts';
import { startProcessWorker } from './platform/process-worker.ts';
import { startSweeper } from './retention/sweeper.ts';
import { resolvers, routes } from './routes.ts';
import { startRunWorker } from './runs/run-worker.ts';
import { openVault } from './secrets/sealed-vault.ts';
import type { Services } from './services.ts';
import type { Settings } from './settings.ts';
import { folderStorage } from './storage/folder-storage.ts';
import { createMetrics } from './system/metrics.ts';
import { startWebhookWorker } from './webhooks/webhook-worker.ts';

/** A server that answers, and works, until `stop`. */
export interface Server {
  url: string;
  services: Services;
  /** What was chosen to run connectors, and why. */
  engineReason: string;
  /** The password of the first admin, if this start made them; shown once. */
  firstPassword: string | null;
  /** Ends requests, gives work in hand back, and stops everything this process started. */
  stop(): Promise<void>;
}

/** What the contract fixes and measurements lift. */
interface Limits {
  requestsPerMinute: number;
}

/** Undoes what was started, last first; a failing step does not keep the others from being done. */
class Cleanup {
  readonly #steps: { name: string; undo: () => Promise<unknown> }[] = [];
  #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  add(name: string, undo: () => Promise<unknown>): void {
    this.#steps.push({ name, undo });
  }

  async run(): Promise<void> {
    for (const { name, undo } of this.#steps.splice(0).reverse()) {
      await undo().catch((error) => this.#log.error({ err: error }, `could not stop ${name}`));
    }
  }
}

/**
 * Starts the roles of the settings on a database, an embedded one when none is named.
 *
 * @param progress takes a line for each step that takes time
 * @param limits those of the contract, unless something is measured
 * @throws when a part does not start; what was started by then is stopped again
 */
export async function startServer(
  settings: Settings,
  log: Logger,
  progress: (line: string) => void = () => {},
  limits: Limits = { requestsPerMinute },
): Promise<Server> {
  const cleanup = new Cleanup(log);
  try {
    return await start(settings, log, progress, limits, cleanup);
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

async function start(
  settings: Settings,
  log: Logger,
  progress: (line: string) => void,
  limits: Limits,
  cleanup: Cleanup,
): Promise<Server> {
  // The embedded database makes the home itself when it is missing, so that its own user may pass through.
  const databaseUrl = settings.databaseUrl ?? (await embeddedDatabase(settings, progress, cleanup)).url;
  await migrate(databaseUrl);
  const connection = connect(databaseUrl, { timeZone: settings.timeZone });
  cleanup.add('the database connections', () => connection.close());
  const { services, engineReason } = await openServices(
    settings,
    log,
    databaseUrl,
    connection,
    cleanup,
    progress,
  );
  const firstAdmin = await ensureFirstAdmin(services);
  if (settings.role !== 'api') await startWorkers(services, databaseUrl, cleanup);
  const app = await listen(services, limits, cleanup);
  return {
    url: app.listeningOrigin,
    services,
    engineReason,
    firstPassword: firstAdmin.password,
    stop: () => cleanup.run(),
  };
}

async function embeddedDatabase(
  settings: Settings,
  progress: (line: string) => void,
  cleanup: Cleanup,
): Promise<EmbeddedPostgres> {
  const database = await startEmbeddedPostgres({ home: settings.home, log: progress });
  cleanup.add('the database', () => database.stop());
  return database;
}

async function openServices(
  settings: Settings,
  log: Logger,
  databaseUrl: string,
  connection: Connection,
  cleanup: Cleanup,
  progress: (line: string) => void,
): Promise<{ services: Services; engineReason: string }> {
  const git = {
    settings: {
      egress: new EgressPolicy({ deny: settings.egressDeny }),
      path: settings.path,
      ...(settings.allowLocalRepositories ? { localRepositoriesRoot: settings.localRepositoriesRoot } : {}),
    },
    knownHostsFile: join(settings.home, 'keys', 'known_hosts'),
  };
  const { engine, reason } = await detectEngine(settings.engine, {
    workFolder: join(settings.home, 'engine'),
    git: git.settings,
    path: settings.path,
    lang: settings.lang,
    requireIsolation: settings.engineRequireIsolation,
    docker: dockerSettings(settings, databaseUrl, await installationId(connection.db)),
    say: progress,
  });
  const jobs = await startJobs(databaseUrl, log);
  cleanup.add('the queue', () => jobs.stop(20_000));
  const signals = await startSignals(databaseUrl, log);
  cleanup.add('the signals', () => signals.stop());
  const vault = await openVault(settings);
  const services: Services = {
    settings,
    db: connection.db,
    jobs,
    signals,
    vault,
    signingKeys: await openSigningKeys(connection.db, vault, settings.publicUrl),
    storage: folderStorage(join(settings.home, 'storage')),
    platform: embeddedPlatform(() => services),
    metrics: createMetrics(connection.db, connection.pool),
    engine,
    git,
    log,
    workerId: newId(),
  };
  return { services, engineReason: reason };
}

/** The lease first: work found without a living worker is taken over by name. */
async function startWorkers(services: Services, databaseUrl: string, cleanup: Cleanup): Promise<void> {
  const { settings, db, log, workerId } = services;
  const lease = await holdLease(db, databaseUrl, { id: workerId, role: settings.role }, log);
  cleanup.add('the lease', () => lease.stop());
  for (const [name, begin] of Object.entries({
    builds: startBuildWorker,
    deployments: startDeploymentWorker,
    processes: startProcessWorker,
    runs: startRunWorker,
    images: startImageSweeper,
    webhooks: startWebhookWorker,
    answers: startAnswerKeeper,
    retention: startSweeper,
    counts: startCountKeeper,
    recovery: startRecovery,
  })) {
    const worker = await begin(services);
    cleanup.add(name, () => worker.stop());
  }
}

async function listen(services: Services, limits: Limits, cleanup: Cleanup): Promise<FastifyInstance> {
  const app = buildApp(services, routes, resolvers, limits);
  const oauth = mountOAuth(app, services);
  cleanup.add('the sign-in', () => oauth.stop());
  // Readers of event streams stay for hours; they come back with Last-Event-ID.
  cleanup.add('the HTTP server', async () => {
    await services.signals.stop();
    setTimeout(() => app.server.closeAllConnections(), 20_000).unref();
    app.server.closeIdleConnections();
    await app.close();
  });
  try {
    await app.listen({ host: services.settings.host, port: services.settings.port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(
      `Port ${services.settings.port} on ${services.settings.host} is taken. Stop the other program, or choose another port with SLIPWAY_PORT.`,
    );
  }
  return app;
}
