import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { runFolder } from '@slipway/container-api';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Engine, NetworkPolicy } from '../../src/index.ts';
import {
  buildFiles,
  describeWith,
  identityOf,
  isRunning,
  makeEngine,
  run,
  temporaryFolderOfFile,
} from '../support.ts';
import { daemon, leftovers, removeImages } from './daemon.ts';

/** Tries to reach addresses and files, and prints what it could. */
const PROBE = `import json, os, socket, sys, time, urllib.request
found = {}
def places():
    file = os.environ['SLIPWAY_EXCHANGE_DIR'] + '/places'
    while not os.path.exists(file) or not open(file).read(): time.sleep(0.1)
    return open(file).read().split()
for place in sys.argv[1:] or places():
    host, port = place.rsplit(':', 1)
    try:
        socket.create_connection((host, int(port)), 3).close()
        found[place] = True
    except OSError:
        found[place] = False
def status(key):
    return [line.split()[1] for line in open('/proc/self/status') if line.startswith(key)][0]
print(json.dumps({
    'reached': found,
    'sidecar': urllib.request.build_opener(urllib.request.ProxyHandler({})).open('http://cde-container-api/ping').status,
    'capabilities': status('CapEff') + status('CapPrm') + status('CapBnd'),
    'no_new_privileges': status('NoNewPrivs'),
    'seccomp': status('Seccomp'),
    'socket': os.path.exists('/var/run/docker.sock'),
    'processes': len([name for name in os.listdir('/proc') if name.isdigit()]),
    'mounts': [line.split()[1] for line in open('/proc/mounts') if line.split()[0].startswith('/dev/') and line.split()[1] not in ('/etc/resolv.conf', '/etc/hostname', '/etc/hosts')],
}))
`;

/** Every address of this machine, where its control plane and database may listen. */
const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address),
  );

describeWith('docker info')('a connector in a container', () => {
  const root = temporaryFolderOfFile();
  let engine: Engine;
  let digest: string;

  beforeAll(async () => {
    engine = await makeEngine('docker', root);
    digest = await buildFiles(engine, root, { 'probe.py': PROBE });
  }, 120_000);
  afterAll(() => removeImages([root]));

  const probe = async (network: NetworkPolicy, places: readonly string[]) => {
    const ran = await run(engine, root, digest, `python3 probe.py ${places.join(' ')}`, { network });
    expect(ran.result.failure).toBeNull();
    return JSON.parse(ran.of('stdout')[0] ?? '');
  };

  /** A server of this machine on all of its addresses, as a control plane or a database would be. */
  const listenEverywhere = async (): Promise<number> => {
    const server = createServer((_, response) => response.end('reached')).listen(0, '0.0.0.0');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    return (server.address() as { port: number }).port;
  };

  /** Another container, as another run's or a database's. */
  const neighbour = async (): Promise<string> => {
    const container = await daemon.createContainer({
      Image: 'python:3.11-slim',
      Entrypoint: ['python3', '-m', 'http.server', '8080'],
    });
    onTestFinished(() => container.remove({ force: true }).then(() => {}));
    await container.start();
    return (await container.inspect()).NetworkSettings.Networks.bridge!.IPAddress;
  };

  test.each([['open'], ['none'], ['allow-list']] as const)(
    'network %s: the sidecar answers; machine, other containers and metadata do not',
    async (mode) => {
      const port = await listenEverywhere();
      const places = [
        ...ownAddresses().map((address) => `${address}:${port}`),
        `host.docker.internal:${port}`,
        `${await neighbour()}:8080`,
        '169.254.169.254:80',
        ...(mode === 'open' ? [] : ['1.1.1.1:443', 'registry.npmjs.org:443']),
      ];
      const network: NetworkPolicy = mode === 'allow-list' ? { mode, hosts: ['example.com'] } : { mode };
      const seen = await probe(network, places);
      expect(Object.entries(seen.reached).filter(([, reached]) => reached)).toEqual([]);
      expect(seen).toMatchObject({
        sidecar: 200,
        socket: false,
        no_new_privileges: '1',
        seccomp: '2',
        mounts: ['/usr/sbin/docker-init', '/data/productsup'],
      });
      expect(seen.capabilities).toMatch(/^0+$/);
      // The init process, and itself.
      expect(seen.processes).toBeLessThanOrEqual(3);
      expect(await leftovers(root)).toEqual([]);
    },
    90_000,
  );

  test.each([['open'], ['none']] as const)(
    'network %s: other runs and their sidecars are not reached, neither earlier ones nor later ones',
    async (mode) => {
      const [early, middle] = [randomUUID(), randomUUID()];
      const begin = (runId: string, words: string) =>
        run(engine, root, digest, words, { identity: identityOf(runId), network: { mode } });
      const network = (runId: string) => daemon.getNetwork(`slipway-${runId}-network`);
      /** Its containers, which listen: the connector, where it has an address of its own or its guard's, and the sidecar. */
      const placesOf = async (runId: string): Promise<string[]> => {
        const { Containers = {} } = (await network(runId)
          .inspect()
          .catch(() => ({}))) as { Containers?: Record<string, { IPv4Address: string }> };
        return Object.values(Containers)
          .map(({ IPv4Address }) => IPv4Address.split('/')[0])
          .flatMap((address) => [`${address}:80`, `${address}:8080`]);
      };
      const waiting = begin(early, 'python3 probe.py');
      await expect.poll(() => placesOf(early), { timeout: 30_000 }).toHaveLength(4);
      const serving = begin(middle, 'python3 -m http.server 8080');
      await expect.poll(() => placesOf(middle), { timeout: 30_000 }).toHaveLength(4);
      await expect.poll(() => isRunning('http.server\x008080'), { timeout: 30_000 }).toBe(true);
      const places = await placesOf(middle);
      const exchange = runFolder(join(root, 'run-folders', early)).exchange;
      writeFileSync(join(exchange, 'places'), places.join(' '));
      const reached = [
        JSON.parse((await waiting).of('stdout')[0] ?? '').reached,
        (await probe({ mode }, places)).reached,
      ];
      expect(reached.map(Object.keys)).toEqual([places, places]);
      expect(reached.flatMap(Object.values)).toEqual(Array(8).fill(false));
      await engine.stop(middle);
      expect((await serving).result.state).toBe('cancelled');
    },
    90_000,
  );

  test('an allow-list opens what it names, by its proxy, and nothing that is refused', async () => {
    const port = await listenEverywhere();
    const own = ownAddresses().find((address) => address !== '127.0.0.1');
    const script = `import ssl, urllib.request
anyone = ssl._create_unverified_context()
for url in ['https://registry.npmjs.org/', 'https://www.npmjs.com/', 'http://${own}:${port}/']:
    try: print(urllib.request.urlopen(url, timeout=20, context=anyone if url.startswith('https') else None).status)
    except Exception as error: print(type(error).__name__, getattr(error, 'code', ''))
`;
    const listed = await buildFiles(engine, root, {
      'main.py': script,
    });
    const ran = await run(engine, root, listed, 'python3 main.py', {
      network: { mode: 'allow-list', hosts: ['registry.npmjs.org', `${own}:${port}`] },
    });
    expect(ran.of('stdout')).toEqual(['200', 'URLError ', 'HTTPError 502']);
  }, 120_000);

  test('an open network leads outside', async () => {
    const seen = await probe({ mode: 'open' }, ['registry.npmjs.org:443']);
    expect(seen.reached).toEqual({ 'registry.npmjs.org:443': true });
  }, 60_000);

  test('a label of the Dockerfile makes the root read-only, with a temporary folder', async () => {
    const readOnly = await buildFiles(engine, root, {
      Dockerfile:
        'FROM debian:bookworm-slim\nLABEL slipway.read-only-root=true\nWORKDIR /app\nCOPY . .\nCMD x\n',
      'main.sh':
        '#!/bin/sh\ntouch /x 2>/dev/null || echo refused; touch /tmp/x "$SLIPWAY_EXCHANGE_DIR/x" && echo written\n',
    });
    const ran = await run(engine, root, readOnly, './main.sh');
    expect(ran.of('stdout')).toEqual(['refused', 'written']);
  }, 60_000);
});
