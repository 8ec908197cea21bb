import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DockerSettings, detectEngine, EngineUnavailableError } from '../../src/index.ts';
import { BOTH_ENGINES, detectOptions, temporaryFolderOfFile } from '../support.ts';
import { mayOwnDaemon, OwnDaemon } from './own-daemon.ts';

/*
 * A daemon without images and without a network, as on a machine that reaches no registry.
 */
describe.skipIf(!mayOwnDaemon)('a daemon that answers, and has no image of the Container API', () => {
  const root = temporaryFolderOfFile();
  const own = new OwnDaemon(root);
  beforeAll(() => own.start());
  afterAll(() => own.remove());

  const options = (more: Partial<DockerSettings> = {}) =>
    detectOptions(root, { host: own.host, installation: 'auto', ...more });
  const next = BOTH_ENGINES[0];

  test('auto takes the next engine, and says why', async () => {
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const { engine, reason } = await detectEngine('auto', { ...options(), say });
    expect(engine.name).toBe(next);
    expect(reason).toMatch(new RegExp(`^Engine ${next}[:,] .+\\.`));
    expect(reason).toMatch(
      / Docker answers, but the image of the Container API could not be built: .*node.*24-slim.*\.$/,
    );
    expect(said).toEqual([
      expect.stringMatching(/^Building the image of the Container API, slipway\/container-api:\w+; /),
    ]);
  });

  test('auto does the same where the image that the settings name can not be fetched', async () => {
    const sidecarImage = '127.0.0.1:9/nothing:1';
    const { engine, reason } = await detectEngine('auto', options({ sidecarImage }));
    expect(engine.name).toBe(next);
    expect(reason).toMatch(
      / Docker answers, but the image 127\.0\.0\.1:9\/nothing:1 could not be fetched: .+[^.]\.$/,
    );
  });

  test('the engine docker, asked for by name, is refused with the same words', async () => {
    const refused = detectEngine('docker', options());
    await expect(refused).rejects.toBeInstanceOf(EngineUnavailableError);
    await expect(refused).rejects.toThrow(
      /^The engine docker does not work here: Docker answers, but the image of the Container API could not be built: /,
    );
  });
});
