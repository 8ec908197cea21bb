/**
 * Measures the hot paths against the least that could do the same, in one run, and writes the table into
 * `docs/performance.md`. `npm run bench -- rows syncing data-sets wide sidecar api scale run docker latency memory` chooses; without names
 * everything is measured.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../packages/server/src/database/embedded.ts';
import { apiComparisons } from './api.bench.ts';
import { dataSetComparisons } from './data-sets.bench.ts';
import { dockerComparisons } from './docker.bench.ts';
import { type Comparison, cellsOf, compare, markdown, type Result, rowsIn } from './harness.ts';
import { measureLatency } from './latency.bench.ts';
import { measureMemory } from './memory.bench.ts';
import { rowComparisons } from './rows.bench.ts';
import { runComparisons } from './run.bench.ts';
import { scaleComparisons } from './scale.bench.ts';
import { measureSidecar } from './sidecar-memory.bench.ts';
import { syncingComparisons } from './syncing.bench.ts';
import { measureWide } from './wide.bench.ts';

const rounds = 7;
const page = new URL('../docs/performance.md', import.meta.url);
const names = [
  'rows',
  'syncing',
  'data-sets',
  'wide',
  'sidecar',
  'api',
  'scale',
  'run',
  'docker',
  'latency',
  'memory',
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. There are: ${names.join(', ')}.`);
  process.exit(2);
}
const wanted = new Set(asked.length > 0 ? asked : names);
const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-'));
const results: Result[] = [];

async function measure(comparisons: readonly Comparison[]): Promise<void> {
  for (const comparison of comparisons) {
    const result = await compare(comparison, comparison.rounds ?? rounds);
    results.push(result);
    console.log(`${result.met ? '✓' : '✗'} ${result.name}: ${result.value} (${result.target})`);
  }
}

try {
  if (wanted.has('rows')) {
    const { comparisons, stop } = await rowComparisons(folder);
    await measure(comparisons);
    await stop();
  }
  if (wanted.has('syncing')) await measure(syncingComparisons(folder));
  if (wanted.has('data-sets')) await measure(await dataSetComparisons(folder));
  if (wanted.has('wide')) results.push(...(await measureWide(folder)));
  if (wanted.has('sidecar')) results.push(await measureSidecar(folder));
  if (wanted.has('run')) await measure(await runComparisons(folder));
  if (wanted.has('docker')) await measure(await dockerComparisons(folder));
  if (['api', 'scale', 'latency', 'memory'].some((name) => wanted.has(name))) await withDatabase();
  console.log(`\n${markdown(results.map(cellsOf))}`);
  await writePage();
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(results.every(({ met }) => met) ? 0 : 1);

async function withDatabase(): Promise<void> {
  const database = await startEmbeddedPostgres({ home: join(folder, 'home'), log: () => {} });
  try {
    if (wanted.has('api')) {
      const { comparisons, stop } = await apiComparisons(folder, database.url);
      await measure(comparisons);
      await stop();
    }
    if (wanted.has('scale')) {
      const { comparisons, stop } = await scaleComparisons(folder, database.url);
      await measure(comparisons);
      await stop();
    }
    if (wanted.has('latency')) results.push(...(await measureLatency(folder, database.url)));
    if (wanted.has('memory')) {
      const memory = await measureMemory(folder, database.url);
      const swing = (memory.most - memory.least) / 2;
      results.push(
        {
          name: 'memory of the server at rest',
          unit: 'MiB',
          ours: memory.rest,
          bare: 0,
          target: '≤ 200 MiB',
          value: '–',
          met: memory.rest <= 200,
        },
        {
          name: `memory while a run writes 1,000,000 rows of 20 columns (${memory.seconds.toFixed(0)} s)`,
          unit: 'MiB',
          ours: memory.most,
          bare: 0,
          target: 'flat, ± 30 MiB',
          value: `± ${swing.toFixed(0)}`,
          met: swing <= 30,
        },
      );
    }
  } finally {
    await database.stop();
  }
}

/** Renews the rows of the table that were measured, all of them in a whole run; what stands around it is written by hand. */
async function writePage(): Promise<void> {
  const text = await readFile(page, 'utf8');
  const measured = new Map(results.map((result) => [result.name, cellsOf(result)]));
  const kept = asked.length === 0 ? [] : rowsIn(text);
  const rows = kept.map((row) => {
    const fresh = measured.get(row[0] as string);
    measured.delete(row[0] as string);
    return fresh ?? row;
  });
  const table = [
    `Measured on ${new Date().toISOString().slice(0, 10)} with Node ${process.versions.node} on ${cpus().length} cores (${cpus()[0]?.model.trim()}).`,
    '',
    markdown([...rows, ...measured.values()]),
  ].join('\n');
  const marked = text.replace(/(<!-- table -->\n)[\s\S]*(<!-- end of table -->)/, `$1\n${table}\n\n$2`);
  await writeFile(page, marked);
}
