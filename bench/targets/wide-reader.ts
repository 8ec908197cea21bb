/** Makes a data set of what a run wrote, and looks at it; tells the most memory and the time of each step. */
import { join } from 'node:path';
import { DuckDb, describeOutput, loadDataSet, profileDataSet, readDataSet } from '@slipway/records';
import { options } from '../data-sets.bench.ts';
import { watched } from '../resident.ts';
import { ready } from './target.ts';

const folder = process.env.BENCH_FOLDER as string;
const output = await describeOutput(process.env.BENCH_OUTPUT as string);
const duckdb = new DuckDb({ ...options, temporaryFolder: join(folder, 'spilled') });
const path = join(folder, 'wide.parquet');
const all = { showHidden: true };
const { pid } = process;
ready(
  {
    rows: output.rows,
    columns: output.columns.length,
    steps: {
      load: await watched(pid, () => loadDataSet(duckdb, output, path)),
      'a page from the middle': await watched(pid, () =>
        readDataSet(duckdb, path, all, { offset: output.rows / 2, limit: 50 }),
      ),
      'profile of all columns': await watched(pid, () => profileDataSet(duckdb, path, all)),
    },
  },
  async () => {},
);
