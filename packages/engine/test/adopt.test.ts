import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BOTH_ENGINES, buildFiles, keepLines, makeEngine, temporaryFolder } from './support.ts';

/** Processes of the machine that carry a run's id. */
function processesOf(runId: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`SLIPWAY_RUN_ID=${runId}`);
    } catch {
      return false;
    }
  });
}

/** Nothing is resumed where connectors end with their server. */
const never = () => Promise.reject(new Error('nothing is to be resumed'));

test.each(BOTH_ENGINES)(
  'engine %s: a run whose server was killed is ended and told as lost',
  async (name) => {
    const root = temporaryFolder();
    const engine = await makeEngine(name, root);
    const digest = await buildFiles(engine, root, {});
    const runId = randomUUID();
    const script = fileURLToPath(new URL('./crashing-server.ts', import.meta.url));
    const server = spawn(process.execPath, [script, root, name, digest, runId], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(server.stdout, 'data');
    await expect.poll(() => readdirSync(join(root, 'engine/runs', runId))).toContain('run.json');
    expect(processesOf(runId).length).toBeGreaterThan(0);
    server.kill('SIGKILL');
    await once(server, 'exit');
    const { log, lines } = keepLines();
    const lost = await engine.adopt(runId, log, never);
    expect(lost).toMatchObject({
      state: 'failed',
      exitCode: null,
      failure: { origin: 'engine', reason: 'The machine that ran the connector was lost.' },
      commandLine: `sh -c 'echo $$; sleep 987654 & exec sleep 987654'`,
    });
    expect(lines.map((line) => line.message)).toEqual(['The machine that ran the connector was lost.']);
    await expect.poll(() => processesOf(runId)).toEqual([]);
    expect(readdirSync(join(root, 'engine/runs'))).toEqual([]);
    expect(await engine.adopt(runId, log, never)).toBeNull();
  },
);
