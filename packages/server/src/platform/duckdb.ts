import { join } from 'node:path';
import { DuckDb } from '@slipway/records';
import type { Services } from '../services.ts';

/** Memory of all queries on data sets together; what needs more goes to disk. */
const memoryMb = 512;
const threads = 2;

const instances = new WeakMap<Services, DuckDb>();

/** The query engine of this process. It begins with the first query. */
export function duckDbOf(services: Services): DuckDb {
  const known = instances.get(services);
  if (known) return known;
  const temporaryFolder = join(services.settings.home, 'duckdb');
  const made = new DuckDb({ memoryMb, threads, temporaryFolder });
  instances.set(services, made);
  return made;
}
