import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  detectEngine,
  EgressPolicy,
  EngineUnavailableError,
  type NetworkPolicy,
  type StartSidecar,
} from '../src/index.ts';
import {
  BOTH_ENGINES,
  buildFiles,
  describeWith,
  listeningSidecar,
  makeEngine,
  run,
  temporaryFolder,
  testWith,
} from './support.ts';

const FIXED_ADDRESS = `
import urllib.request, os, sys
print(urllib.request.urlopen("http://cde-container-api/items/input/count").status)
base = os.environ["CONTAINER_API_URL"]
print(urllib.request.urlopen(base + "/by-variable").status)
`;

describe.each(BOTH_ENGINES)('engine %s', (name) => {
  testWith('/usr/bin/python3').each([
    [{ mode: 'open' }],
    [{ mode: 'none' }],
    [{ mode: 'allow-list', hosts: ['example.com'] }],
  ] as [NetworkPolicy][])('the fixed address of the Container API works with network %j', async (network) => {
    const root = temporaryFolder();
    const engine = await makeEngine(name, root);
    const digest = await buildFiles(engine, root, { 'main.py': FIXED_ADDRESS });
    const ran = await run(engine, root, digest, '/usr/bin/python3 main.py', { network });
    expect(ran.of('stderr')).toEqual([]);
    expect(ran.of('stdout')).toEqual(['200', '200']);
    // Through a proxy the target arrives in its absolute form.
    expect(ran.calls.map((call) => call.replace('http://cde-container-api', ''))).toEqual([
      'GET /items/input/count',
      'GET /by-variable',
    ]);
  });

  testWith('/usr/bin/python3').each([['none'], ['open']] as const)(
    'a sidecar that dies is started again at its address, network %s',
    async (mode) => {
      const root = temporaryFolder();
      const engine = await makeEngine(name, root);
      const digest = await buildFiles(engine, root, {
        'main.py': `
import sys, time, urllib.request
for round in range(int(sys.argv[1])):
  try: urllib.request.urlopen("http://cde-container-api/die")
  except Exception: pass
  while True:
    try:
      urllib.request.urlopen("http://cde-container-api/alive", timeout=1)
      break
    except Exception: time.sleep(0.05)
  print("back", flush=True)
`,
      });
      let starts = 0;
      const startSidecar: StartSidecar = async ({ host, port }) => {
        starts += 1;
        const died = Promise.withResolvers<void>();
        const server = createServer((request, response) => {
          if (!request.url?.endsWith('/die')) return response.end('{}');
          server.close(() => died.resolve());
          server.closeAllConnections();
        });
        const listening = Promise.withResolvers<void>();
        server.once('error', listening.reject);
        server.listen(port, host, listening.resolve);
        await listening.promise;
        const bound = (server.address() as { port: number }).port;
        return {
          url: `http://${host}:${bound}`,
          port: bound,
          died: died.promise,
          closeOutputs: async () => {},
          finishProcesses: async () => {},
          summary: () => ({ outputFailed: false, outputRefusedStatus: null, failedProcess: null }),
          close: async () => {
            server.closeAllConnections();
            server.close();
          },
        };
      };
      const three = await run(engine, root, digest, '/usr/bin/python3 main.py 3', {
        network: { mode },
        startSidecar,
      });
      expect(three.of('stdout')).toEqual(['back', 'back', 'back']);
      expect({ state: three.result.state, starts }).toEqual({ state: 'finished', starts: 4 });
      const four = await run(engine, root, digest, '/usr/bin/python3 main.py 4', {
        network: { mode },
        startSidecar,
      });
      expect(four.result.failure).toEqual({ origin: 'engine', reason: 'The Container API stopped working.' });
    },
  );

  test('a connector can be stopped behind the passage of an own network, and its exit code comes through', async () => {
    const root = temporaryFolder();
    const engine = await makeEngine(name, root);
    const digest = await buildFiles(engine, root, {});
    const network: NetworkPolicy = { mode: 'none' };
    const code = await run(engine, root, digest, `sh -c 'exit 5'`, { network });
    expect(code.result.failure?.reason).toBe('The connector exited with code 5.');
    const signal = await run(engine, root, digest, `sh -c 'kill -SEGV $$'`, { network });
    expect(signal.result.failure?.reason).toBe('The connector was ended by signal SIGSEGV.');
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 700);
    const script = `trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.05; done`;
    const stopped = await run(engine, root, digest, `sh -c '${script}'`, { network, signal: cancel.signal });
    expect(stopped.of('stdout')).toEqual(['ready', 'bye']);
    expect(stopped.result.state).toBe('cancelled');
  });
});

describeWith('bwrap', '/usr/bin/python3')('engine sandbox', () => {
  async function setUp(files: Record<string, string> = {}) {
    const root = temporaryFolder();
    const engine = await makeEngine('sandbox', root);
    return { root, engine, digest: await buildFiles(engine, root, files) };
  }

  test('shows nothing of the server, of other runs or of the machine’s users', async () => {
    const { root, engine, digest } = await setUp();
    mkdirSync(join(root, 'home'));
    writeFileSync(join(root, 'home/master.key'), 'key');
    const script = [
      `ls ${root} /root /home/connector/.ssh /work 2>&1 | grep -c "No such file"`,
      'ls -A /home; ls -d /proc/[0-9]* | wc -l; cat /etc/shadow 2>&1 | tail -c 26',
      'id -un; hostname; touch /usr/x 2>&1 | tail -c 22; touch /x 2>&1 | tail -c 22',
      'grep CapEff /proc/self/status | cut -f2; grep NoNewPrivs /proc/self/status | cut -f2',
    ].join('; ');
    const ran = await run(engine, root, digest, `sh -c '${script}'`);
    const [hidden, home, processes, ...rest] = ran.of('stdout');
    expect({ hidden, home }).toEqual({ hidden: '4', home: 'connector' });
    expect(Number(processes)).toBeLessThan(8);
    expect(rest).toEqual([
      'No such file or directory',
      'connector',
      'connector',
      'Read-only file system',
      'Read-only file system',
      '0000000000000000',
      '1',
    ]);
  });

  test('settings do not stand on a command line that others can read', async () => {
    const { root, engine, digest } = await setUp();
    const secret = `secret-${randomUUID()}`;
    const script = `cat /proc/1/cmdline | tr "\\0" " "; echo; echo "$KEY"`;
    const settings = {
      mode: 'as-env-variables',
      individual: [{ name: 'KEY', value: secret }],
      authentications: [],
      secrets: [],
    } as const;
    const ran = await run(engine, root, digest, `sh -c '${script}'`, { settings });
    expect(ran.of('stdout')[0]).toContain('bwrap');
    expect(ran.of('stdout')[0]).not.toContain(secret);
    expect(ran.of('stdout')[1]).toBe(secret);
  });

  test('without network nothing but the Container API is reached; an allow-list opens what it names', async () => {
    const outside = createServer((request, response) => response.end(`outside ${request.headers.host}`));
    const { promise, resolve } = Promise.withResolvers<void>();
    outside.listen(0, '127.0.0.1', resolve);
    await promise;
    onTestFinished(() => {
      outside.close();
    });
    const port = (outside.address() as { port: number }).port;
    const root = temporaryFolder();
    const { engine } = await detectEngine('sandbox', {
      workFolder: join(root, 'engine'),
      git: {
        egress: new EgressPolicy({ allowLoopback: true }),
        path: process.env.PATH!,
        localRepositoriesRoot: root,
      },
      path: process.env.PATH!,
      lang: 'C.UTF-8',
    });
    const digest = await buildFiles(engine, root, {
      'main.py': `
import http.client, socket
def attempt(action):
  try: print(action())
  except Exception as error: print(type(error).__name__, getattr(error, "code", ""))
attempt(lambda: socket.create_connection(("127.0.0.1", ${port}), 1))
def through(host):
  connection = http.client.HTTPConnection("127.0.0.1", 3128)
  connection.request("GET", "http://%s:${port}/" % host)
  answer = connection.getresponse()
  return answer.status, answer.read().decode()
attempt(lambda: through("127.0.0.1"))
attempt(lambda: through("127.0.0.2"))
def tunnel():
  connection = http.client.HTTPConnection("127.0.0.1", 3128)
  connection.set_tunnel("127.0.0.1", ${port})
  connection.request("GET", "/")
  return connection.getresponse().read().decode()
attempt(tunnel)
`,
    });
    const none = await run(engine, root, digest, '/usr/bin/python3 main.py', { network: { mode: 'none' } });
    expect(none.of('stdout')).toEqual(Array(4).fill('ConnectionRefusedError '));
    const hosts = [`127.0.0.1:${port}`];
    const listed = await run(engine, root, digest, '/usr/bin/python3 main.py', {
      network: { mode: 'allow-list', hosts },
    });
    expect(listed.of('stdout')).toEqual([
      'ConnectionRefusedError ',
      `(200, 'outside 127.0.0.1:${port}')`,
      `(403, '{"message":"Host is not allowed."}')`,
      `outside 127.0.0.1:${port}`,
    ]);
  });

  test('variables of an image act on the connector, not on what starts it', async () => {
    const Dockerfile = 'FROM a\nENV LD_PRELOAD=/nowhere.so\nCMD x\n';
    const { root, engine, digest } = await setUp({ Dockerfile });
    const ran = await run(engine, root, digest, 'true');
    expect(ran.of('stderr').length).toBe(1);
    expect(ran.of('stderr')[0]).toContain('/nowhere.so');
  });

  test('where port 80 can not be bound, the sidecar becomes the proxy', async () => {
    const { root, engine, digest } = await setUp({ 'main.py': FIXED_ADDRESS });
    const sidecar = listeningSidecar();
    const ran = await run(engine, root, digest, '/usr/bin/python3 main.py', {
      startSidecar: (listen) =>
        listen.port === 80
          ? Promise.reject(Object.assign(new Error('denied'), { code: 'EACCES' }))
          : sidecar.start(listen),
    });
    expect(ran.of('stdout')).toEqual(['200', '200']);
    expect(sidecar.calls[0]).toBe('GET http://cde-container-api/items/input/count');
  });
});

testWith('bwrap')('an engine is chosen with a reason, and refused with one', async () => {
  const root = temporaryFolder();
  const options = {
    workFolder: root,
    git: { egress: new EgressPolicy(), path: '' },
    path: process.env.PATH!,
    lang: 'C',
  };
  const auto = await detectEngine('auto', options);
  expect([auto.engine.name, auto.engine.isolation.level]).toEqual(['sandbox', 'sandbox']);
  expect(auto.reason).toBe('Engine sandbox: bubblewrap works on this machine.');
  const bare = await detectEngine('auto', { ...options, path: '/nowhere' });
  expect([bare.engine.name, bare.engine.isolation.level]).toEqual(['process', 'none']);
  expect(bare.reason).toBe('Engine process, without isolation: bubblewrap (bwrap) is not installed.');
  await expect(detectEngine('sandbox', { ...options, path: '/nowhere' })).rejects.toThrow(
    EngineUnavailableError,
  );
  await expect(detectEngine('process', { ...options, requireIsolation: true })).rejects.toThrow(
    'has no isolation',
  );
  await expect(detectEngine('kubernetes', options)).rejects.toThrow(
    'The engine kubernetes is not part of this installation.',
  );
});

testWith('bwrap')('without a Docker Engine auto says so and goes on; docker itself is refused', async () => {
  const root = temporaryFolder();
  const host = `unix://${root}/docker.sock`;
  const options = {
    workFolder: root,
    git: { egress: new EgressPolicy(), path: '' },
    path: process.env.PATH!,
    lang: 'C',
    docker: { host, installation: 'test', registry: null, sidecarImage: null, cacheBytes: 0, ownHosts: [] },
  };
  const problem = `Docker does not answer at ${host} (there is no such socket).`;
  const auto = await detectEngine('auto', options);
  expect([auto.engine.name, auto.reason]).toEqual([
    'sandbox',
    `Engine sandbox: bubblewrap works on this machine. ${problem}`,
  ]);
  await expect(detectEngine('docker', options)).rejects.toThrow(
    `The engine docker does not work here: ${problem}`,
  );
  await expect(detectEngine('docker', { ...options, docker: null })).rejects.toThrow(
    'The engine docker does not work here: SLIPWAY_DOCKER_HOST is empty.',
  );
});
