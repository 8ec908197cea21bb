import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders of one run of the process driver. All but the exchange folder, which is the caller's. */
export interface RunFolder {
  readonly root: string;
  /** Writable copy of the bundle. */
  readonly bundle: string;
  readonly home: string;
  readonly temporary: string;
}

/** What is written down about a running connector, so that another server process can end it. */
export interface RunRecord {
  readonly runId: string;
  readonly pid: number;
  /** Start time of the process as the system tells it: the id alone may have been given to another process. */
  readonly startTime: string;
  readonly commandLine: string;
  readonly startedAt: string;
}

/** Ids become folder names: nothing but what UUIDs and tests use. */
function folderName(id: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id)) throw new Error(`Not usable as a folder name: ${id}`);
  return id;
}

/** Path of a run's folder, which may not exist. */
export function runFolderPath(workFolder: string, runId: string): string {
  return join(workFolder, 'runs', folderName(runId));
}

/** Folders in use by this process; {@link removeRunFolder} takes them out. */
const active = new Set<string>();

/** Whether this process works in a folder. */
export function isActive(root: string): boolean {
  return active.has(root);
}

/** Removes a run's folder with everything in it. */
export async function removeRunFolder(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true });
  active.delete(root);
}

/** Makes the folders of a run, empty. What an earlier try of the same run left is removed. */
export async function createRunFolder(workFolder: string, runId: string): Promise<RunFolder> {
  const root = runFolderPath(workFolder, runId);
  active.add(root);
  await rm(root, { recursive: true, force: true });
  const folder = { root, bundle: join(root, 'app'), home: join(root, 'home'), temporary: join(root, 'tmp') };
  await mkdir(root, { recursive: true, mode: 0o700 });
  await Promise.all([mkdir(folder.home), mkdir(folder.temporary)]);
  return folder;
}

/** Records the main process. Renamed into place, so a crash leaves a whole record or none. */
export async function writeRunRecord(root: string, record: RunRecord): Promise<void> {
  const path = join(root, 'run.json');
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** The record of a run, or null when it never came to a start here. */
export async function readRunRecord(root: string): Promise<RunRecord | null> {
  const text = await readFile(join(root, 'run.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as RunRecord);
}

/** Ids of the entries of a folder; none when it does not exist. */
export async function idsIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}
