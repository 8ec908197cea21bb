import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunConfig } from '../src/index.ts';
import { endStandAlone, startStandAlone } from './stand-alone.ts';
import { temporaryFolder } from './test-run.ts';

/** Four HTTP clients that know nothing of each other run the four data flows: files in, files out. */

const run = promisify(execFile);

const clients = {
  curl: { program: 'sh', file: 'client.sh', check: ['curl', '--version'] },
  'Python http.client': { program: 'python3', file: 'client.py', check: ['python3', '--version'] },
  'PHP curl': {
    program: 'php',
    file: 'client.php',
    check: ['php', '-r', 'exit((int) !extension_loaded("curl"));'],
  },
  'Node fetch': { program: process.execPath, file: 'client.mjs', check: [process.execPath, '--version'] },
} as const;

function isThere([program, ...words]: readonly string[]): boolean {
  // The check of the project installs them all: there none may be missing.
  if (process.env.CI) return true;
  try {
    execFileSync(program!, words, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => ({ folder, remove } = await temporaryFolder()));
afterEach(async () => {
  endStandAlone();
  await remove();
});

const products = (from: number, to: number, name: string) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({
    id: String(from + index),
    title: `${name} ${index}`,
  }));
const ndjson = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const delta = {
  new: products(1, 60, 'new'),
  modified: products(61, 63, 'modified'),
  unchanged: [],
  deleted: products(64, 170, 'deleted'),
};

const flows: Record<string, { config: RunConfig; files: Record<string, string>; expected: object[] }> = {
  datasource: {
    config: { connector: { type: 'datasource' }, outputs: { output: 'out.ndjson', log: 'log.ndjson' } },
    files: {},
    expected: Array.from({ length: 120 }, (_, index) => ({
      id: String(index + 1),
      price: '9.90',
      'tags-0': 'a',
      'tags-1': 'b',
    })),
  },
  'data-service': {
    config: {
      connector: { type: 'data-service' },
      inputs: { input: { file: 'products.csv' } },
      outputs: { output: 'out.ndjson', log: 'log.ndjson' },
    },
    files: {
      'products.csv': `id,title\n${products(1, 130, 'p')
        .map(({ id, title }) => `${id},${title}\n`)
        .join('')}`,
    },
    expected: products(1, 130, 'p').map((row) => ({ ...row, label: 'seen' })),
  },
  export: {
    config: {
      connector: { type: 'export' },
      inputs: { input: { file: 'products.ndjson' } },
      outputs: { feedback: 'out.ndjson', log: 'log.ndjson' },
    },
    files: { 'products.ndjson': ndjson(products(1, 25, 'p')) },
    expected: products(1, 25, 'p').map((row) => ({ ...row, status: 'ok' })),
  },
  'export-delta': {
    config: {
      connector: { type: 'export-delta' },
      inputs: {
        new: { rows: delta.new },
        modified: { file: 'modified.json' },
        deleted: { file: 'deleted.ndjson' },
      },
      outputs: { feedback: 'out.ndjson', log: 'log.ndjson' },
    },
    files: { 'modified.json': JSON.stringify(delta.modified), 'deleted.ndjson': ndjson(delta.deleted) },
    expected: Object.entries(delta).flatMap(([change, rows]) => rows.map((row) => ({ ...row, change }))),
  },
};

describe.for(Object.entries(clients))('%s', ([, { program, file, check }]) => {
  test.runIf(isThere(check)).for(Object.entries(flows))(
    'runs the flow of a %s',
    { timeout: 60_000 },
    async ([flow, { config, files, expected }]) => {
      await mkdir(folder, { recursive: true });
      for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
      const sidecar = await startStandAlone(folder, config);
      await run(program, [join(import.meta.dirname, 'clients', file), flow], {
        env: { PATH: process.env.PATH, CONTAINER_API_URL: sidecar.url },
      });
      const { code, said } = await sidecar.end('SIGTERM');
      expect([code, said.state]).toEqual([0, 'finished']);
      const rows = (await readFile(join(folder, 'out.ndjson'), 'utf8')).split('\n').slice(0, -1);
      expect(rows).toEqual(expected.map((row) => JSON.stringify(row)));
      const log = await readFile(join(folder, 'log.ndjson'), 'utf8');
      expect(log).toContain('"message":"done"');
    },
  );
});
