import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOutput, readLines } from '@slipway/records';
import { createMasker, DEFAULT_CONTAINER_API_CONFIG, type RunContext, runFolder } from '../src/index.ts';

/** A folder of its own, and a function that removes it. */
export async function temporaryFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-run-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The context of a run in a folder, with what a test does not care about filled in. */
export function testContext(folder: string, changes: Partial<RunContext> = {}): RunContext {
  return {
    runId: 'c7f6a8de-3a55-4b47-8f5e-1f0a4d8f7a21',
    processId: '5a2e6f1e-6d0b-4d2a-9c39-0f1f6f5d8b10',
    connector: { id: '0f8b9c52-9f52-4a0e-8d62-6a2f6e0f1c11', name: 'My connector', type: 'datasource' },
    version: '2.0.0',
    environment: 'dev',
    stage: 'import',
    site: { id: 101, name: 'Shop DE' },
    project: { id: 11, name: 'Shops' },
    account: { id: 1, name: 'Acme' },
    config: DEFAULT_CONTAINER_API_CONFIG,
    bodyLimitBytes: 64 * 1024 ** 2,
    logLimitBytes: 200 * 1024 ** 2,
    folder,
    exchangePath: '/data/productsup',
    bucketFolder: null,
    columnOrder: null,
    classifications: [],
    forward: { mode: 'none' },
    publicUrl: null,
    masker: createMasker([]),
    now: () => new Date(),
    ...changes,
  };
}

/** What an output stream holds, each row as texts in the order of the columns. */
export async function readOutput(folder: string, name: 'output' | 'feedback') {
  const { files, columns, rows: count } = await describeOutput(runFolder(folder).output(name));
  const rows: string[][] = [];
  for (const file of files) {
    for await (const line of readLines(file)) {
      const values = new Map(Object.entries(JSON.parse(line.toString('utf8')) as Record<string, string>));
      rows.push(columns.map((column) => values.get(column) ?? ''));
    }
  }
  return { columns, rows, count };
}
