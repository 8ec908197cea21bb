import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EgressPolicy } from '../egress.ts';
import type { NetworkPolicy } from '../engine.ts';
import { createEgressProxy } from '../run/egress-proxy.ts';
import type { Sidecar, StartSidecar } from '../run/sidecar.ts';
import { SidecarKeeper } from '../run/sidecar-keeper.ts';

/** The fixed name of the sidecar. */
const SIDECAR_NAME = 'cde-container-api';
/** Where the launcher inside a sandbox finds the unix sockets of the engine. */
export const SOCKETS_INSIDE = '/opt/slipway/sockets';
const EGRESS_PORT = 3128;
const NO_PROXY = 'localhost,127.0.0.1,::1';
const ADDRESS_TRIES = 5;
const PING_TIMEOUT_MS = 5_000;

/** A run's sidecar and how the connector reaches it. */
export interface RunNetwork {
  readonly keeper: SidecarKeeper;
  readonly containerApiUrl: string;
  /** Proxy variables of the connector. */
  readonly proxy: Readonly<Record<string, string>>;
  /** Additional host names for the connector. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Folder with unix sockets for the launcher; null: the connector shares the machine's network. */
  readonly socketFolder: string | null;
  /** Closes everything but the sidecar's outputs. */
  close(): Promise<void>;
}

export interface NetworkRequest {
  readonly sandboxed: boolean;
  readonly policy: NetworkPolicy;
  readonly runId: string;
  readonly egress: EgressPolicy;
  /** Exchange folder as the connector sees it. */
  readonly exchangePath: string;
  readonly startSidecar: StartSidecar;
}

/**
 * Starts the sidecar where this run's connector can reach it, and waits until it answers `GET /ping`.
 *
 * - sandbox, open network: on a loopback address of its own, port 80, under its fixed name;
 * - sandbox, other policies: behind a unix socket, because the connector has a network of its own;
 * - otherwise, or where port 80 is not to be had: on a free port, as the HTTP proxy of the connector.
 */
export async function openRunNetwork(request: NetworkRequest): Promise<RunNetwork> {
  const network =
    request.sandboxed && request.policy.mode !== 'open'
      ? await isolatedNetwork(request)
      : ((request.sandboxed ? await namedNetwork(request) : null) ?? (await proxyNetwork(request)));
  try {
    await ping(network.keeper.current);
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

async function proxyNetwork(request: NetworkRequest): Promise<RunNetwork> {
  const keeper = await SidecarKeeper.start(request.startSidecar, {
    host: '127.0.0.1',
    port: 0,
    publicUrl: null,
    forwardProxy: true,
    exchangePath: request.exchangePath,
  });
  const url = keeper.current.url.replace(/\/+$/, '');
  return {
    keeper,
    containerApiUrl: url,
    proxy: { http_proxy: url, HTTP_PROXY: url, no_proxy: NO_PROXY, NO_PROXY, NODE_USE_ENV_PROXY: '1' },
    hosts: {},
    socketFolder: null,
    close: () => keeper.close(),
  };
}

/** Null where port 80 can not be bound: that needs the superuser, a capability or a setting of the kernel. */
async function namedNetwork(request: NetworkRequest): Promise<RunNetwork | null> {
  for (let attempt = 0; attempt < ADDRESS_TRIES; attempt += 1) {
    const host = loopbackAddress(request.runId, attempt);
    const publicUrl = `http://${SIDECAR_NAME}`;
    try {
      const keeper = await SidecarKeeper.start(request.startSidecar, {
        host,
        port: 80,
        publicUrl,
        forwardProxy: false,
        exchangePath: request.exchangePath,
      });
      return {
        keeper,
        containerApiUrl: publicUrl,
        proxy: {},
        hosts: { [SIDECAR_NAME]: host },
        socketFolder: null,
        close: () => keeper.close(),
      };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EACCES' || code === 'EPERM' || code === 'EADDRNOTAVAIL') return null;
      if (code !== 'EADDRINUSE') throw error;
    }
  }
  return null;
}

/** An address of 127.64.0.0/10 for a run: all of 127/8 is loopback on Linux, and nothing else listens there. */
function loopbackAddress(runId: string, attempt: number): string {
  const hash = createHash('sha256').update(`${runId} ${attempt}`).digest();
  return `127.${64 + (hash[0]! % 64)}.${hash[1]}.${1 + (hash[2]! % 254)}`;
}

async function isolatedNetwork(request: NetworkRequest): Promise<RunNetwork> {
  const publicUrl = `http://${SIDECAR_NAME}`;
  const keeper = await SidecarKeeper.start(request.startSidecar, {
    host: '127.0.0.1',
    port: 0,
    publicUrl,
    forwardProxy: false,
    exchangePath: request.exchangePath,
  });
  // Paths of unix sockets are limited to some 100 bytes, so they do not lie in the run's folder.
  const folder = await mkdtemp(join(tmpdir(), 'slw-'));
  const servers: Server[] = [await listen(sidecarPassage(keeper), join(folder, 'api'))];
  const proxy: Record<string, string> = {};
  if (request.policy.mode === 'allow-list') {
    const egress = createEgressProxy(request.policy.hosts, request.egress);
    servers.push(await listen(egress, join(folder, 'egress')));
    const url = `http://127.0.0.1:${EGRESS_PORT}`;
    const noProxy = `${SIDECAR_NAME},${NO_PROXY}`;
    Object.assign(proxy, { http_proxy: url, HTTP_PROXY: url, https_proxy: url, HTTPS_PROXY: url });
    Object.assign(proxy, { no_proxy: noProxy, NO_PROXY: noProxy, NODE_USE_ENV_PROXY: '1' });
  }
  return {
    keeper,
    containerApiUrl: publicUrl,
    proxy,
    hosts: { [SIDECAR_NAME]: '127.0.0.1' },
    socketFolder: folder,
    close: async () => {
      for (const server of servers) server.close();
      await rm(folder, { recursive: true, force: true });
      await keeper.close();
    },
  };
}

/** Passes connections on to the sidecar, byte by byte. */
function sidecarPassage(keeper: SidecarKeeper): Server {
  return createServer({ allowHalfOpen: true }, (client) => {
    const { url, port } = keeper.current;
    const inner = connect({ host: new URL(url).hostname, port, allowHalfOpen: true });
    client.pipe(inner).pipe(client);
    client.on('error', () => inner.destroy());
    inner.on('error', () => client.destroy());
  });
}

async function listen(server: Server, path: string): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(path, resolve);
  await promise;
  // The folder is private; inside the sandbox the connector may be another user.
  await chmod(path, 0o666);
  return server;
}

/** One `GET /ping`; the connector may call as soon as it lives. */
async function ping(sidecar: Sidecar): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { hostname, port } = new URL(sidecar.url);
  const call = get(
    { host: hostname, port: port || 80, path: '/ping', timeout: PING_TIMEOUT_MS, agent: false },
    (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve();
      else reject(new Error(`the Container API answered ${answer.statusCode}`));
    },
  );
  call.once('timeout', () => call.destroy(new Error('the Container API did not answer')));
  call.once('error', reject);
  await promise;
}
