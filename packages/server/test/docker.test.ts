import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { sweepImages } from '../src/builds/sweep-images.ts';
import { installationId } from '../src/docker-settings.ts';
import { buildScript, deploy, endOfRun, localRepositories } from './support/deployed.ts';
import { docker, hasDocker, labelled } from './support/docker.ts';
import { startTestServer, type TestServer, type TestUser } from './support/server.ts';

const SCRIPT = `const base = process.env.CONTAINER_API_URL;
const post = (path, body) => fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
(async () => {
  await post('/output/output', { data: [{ id: '1' }, { id: '2' }] });
  await post('/logs/warning', { message: 'from the connector' });
  console.log('printed');
  console.error('complained');
})();
`;

describe.skipIf(!hasDocker)('the server with the engine docker', { timeout: 180_000 }, () => {
  let server: TestServer;
  let user: TestUser;
  let digest: string;
  let installation: string;

  beforeAll(async () => {
    server = await startTestServer({ ...localRepositories, SLIPWAY_ENGINE: 'docker' });
    user = await server.makeUser({ role: 'admin' });
    installation = await installationId(server.server.services.db);
    digest = await buildScript(server, SCRIPT);
  }, 180_000);

  test('says which engine it is, and how far it isolates', async () => {
    const { body } = await server.request('GET', '/system', { token: user.token });
    expect(body.data.system ?? body.data).toMatchObject({ engine: 'docker', isolation: 'container' });
  });

  test('a run takes its rows, lines and counters from the run’s folder, and leaves nothing at the daemon', async () => {
    const connector = await deploy(server, user, digest);
    const answer = await server.request('POST', '/runs', {
      token: user.token,
      body: { connector: connector.id },
    });
    const id = answer.body.data.run.uuid;
    const run = await endOfRun(server, user, id);
    expect(run).toMatchObject({ state: 'finished', 'exit-code': 0 });
    expect(run['container-api-docker-image']).toBe(server.server.services.engine.sidecarImage);
    const get = async (path: string) => (await server.request('GET', path, { token: user.token })).body.data;
    expect(await get(`/runs/${id}/output`)).toEqual([{ id: '1' }, { id: '2' }]);
    const lines = (await get(`/runs/${id}/logs`)) as { source: string; level: string; message: string }[];
    expect(lines.map(({ source, level, message }) => [source, level, message]).sort()).toEqual([
      ['application', 'warning', 'from the connector'],
      ['stderr', 'error', 'complained'],
      ['stdout', 'info', 'printed'],
    ]);
    // What a version needs is never swept away.
    await sweepImages(server.server.services, 0);
    expect(await docker('image', 'ls', '-q', '--no-trunc')).toContain(digest);
    expect(await labelled(`slipway.installation=${installation}`)).toEqual([]);
  });

  test('a version may have a Container API image of its own; one that is nowhere fails the run', async () => {
    const { engine, db } = server.server.services;
    const own = 'slipway-test/container-api:own';
    await docker('tag', engine.sidecarImage as string, own);
    const connector = await deploy(server, user, digest);
    const runWith = async (image: string) => {
      await sql`UPDATE connector_versions SET dev_config = jsonb_set(dev_config::jsonb, '{execution,container-api,image}',
        to_jsonb(${image}::text))::json WHERE id = ${connector.versionId}`.execute(db);
      const { body } = await server.request('POST', '/runs', {
        token: user.token,
        body: { connector: connector.id },
      });
      const run = await endOfRun(server, user, body.data.run.uuid);
      const { failure } = (await server.request('GET', `/runs/${run.id}/stats`, { token: user.token })).body
        .data;
      return [run.state, run['container-api-docker-image'], failure?.reason];
    };
    expect(await runWith(own)).toEqual(['finished', own, undefined]);
    const nowhere = '127.0.0.1:9/nothing:1';
    expect(await runWith(nowhere)).toEqual([
      'failed',
      nowhere,
      expect.stringMatching(
        /^The connector could not be started: the Container API could not be started: the image 127\.0\.0\.1:9\/nothing:1 could not be fetched: .+\.$/,
      ),
    ]);
    await docker('rmi', own);
  });
});
