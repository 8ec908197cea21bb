import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { findRunning, halt, initialise, installedVersion } from './embedded/cluster.ts';
import { takeHome } from './embedded/holder.ts';
import { defaultOutside, findPlace, makeHome } from './embedded/place.ts';
import { newRecord, readRecord, writeRecord } from './embedded/record.ts';
import { addressOf, adopt, type Server, start } from './embedded/server.ts';

/** A running PostgreSQL of our own. */
export interface EmbeddedPostgres {
  /** Address with the password, for loopback only. */
  url: string;
  /** For example `18.4`. */
  version: string;
  /** A server of an earlier start was found running and is used on. */
  adopted: boolean;
  /** Ends all sessions and the server, and gives the home folder back. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Home folder of the installation; made when missing. */
  home: string;
  /** Takes one line on every step that takes time or that an operator should know. */
  log: (message: string) => void;
  /** False only for tests: faster, and a power cut may damage the data. */
  durable?: boolean;
  /** Where root puts what PostgreSQL's user cannot reach in the home folder or node_modules. */
  outside?: string;
}

/**
 * Starts the PostgreSQL that npm installed on the data in the home folder, and prepares these at the first start. It
 * outlives this process when that dies, and the next start takes it over.
 *
 * @throws when another Slipway holds the home folder, the data are out of reach, or PostgreSQL does not start; the message
 * says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const home = resolve(options.home);
  const folder = await makeHome(home);
  const giveBack = await takeHome(join(folder, 'holder.json'), home);
  try {
    const { server, adopted } = await bringUp(folder, options);
    let stopping: Promise<void> | undefined;
    const end = async () => {
      await halt(server.pid, server.data);
      await giveBack();
    };
    return {
      url: server.url,
      version: server.version,
      adopted,
      stop: () => {
        stopping ??= end();
        return stopping;
      },
    };
  } catch (error) {
    await giveBack();
    throw error;
  }
}

/**
 * The database of a home folder for a command beside the server: the running one, else one that is started for it.
 *
 * @throws as {@link startEmbeddedPostgres}
 */
export async function borrowEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<Pick<EmbeddedPostgres, 'url' | 'stop'>> {
  const record = await readRecord(join(await makeHome(resolve(options.home)), 'connection.json'));
  if (record?.port != null) {
    const url = addressOf(record.port, record.password);
    if (await answers(url)) return { url, stop: async () => {} };
  }
  return startEmbeddedPostgres(options);
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function bringUp(
  folder: string,
  options: EmbeddedPostgresOptions,
): Promise<{ server: Server; adopted: boolean }> {
  const { log, durable = true, outside = defaultOutside } = options;
  const recordFile = join(folder, 'connection.json');
  const stored = await readRecord(recordFile);
  const record = stored ?? newRecord();
  const place = await findPlace(folder, record, outside, log);
  if (stored === null && place.filled) {
    throw new Error(
      `${recordFile}, which holds the password of the database in ${place.data}, is missing. ` +
        `Bring it back, or delete ${folder} to start with an empty database.`,
    );
  }
  const version = await installedVersion(place);

  const left = await findRunning(place.data);
  if (left !== null) {
    const server = await adopt(left, { place, password: record.password, version });
    if (server !== null) {
      log(
        `PostgreSQL ${version} of an earlier start is still running and is used on (process ${server.pid})`,
      );
      return { server, adopted: true };
    }
    log(`A PostgreSQL of an earlier start (process ${left.pid}) is in the way and is stopped`);
    await halt(left.pid, place.data);
  }

  await writeRecord(recordFile, record);
  if (!place.filled) {
    const begin = performance.now();
    log(`Preparing the database in ${place.data} (only at the first start)`);
    await initialise(place, record.password, durable);
    log(`Database prepared in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  }
  await checkRelease(place.data, version);
  const server = await start({ place, record, logFile: join(folder, 'postgres.log'), durable, log });
  await writeRecord(recordFile, { ...record, complete: true });
  return { server, adopted: false };
}

/** The data folders of different main releases do not fit each other. */
async function checkRelease(data: string, version: string): Promise<void> {
  const made = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  if (made === version.split('.')[0]) return;
  throw new Error(
    `The database in ${data} was made by PostgreSQL ${made}; this release brings PostgreSQL ${version}, which cannot read it. ` +
      'Start the former release and move the data with slipway backup and slipway restore.',
  );
}
