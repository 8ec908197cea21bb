import { basename } from 'node:path';
import { cleanPath, openInside, runFolder } from '@slipway/container-api';
import { type operations, type RunFileStore, runFileStores } from '@slipway/contract';
import { sql } from 'kysely';
import { inTransaction } from '../context.ts';
import { notFound } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { filesPage } from '../http/files-page.ts';
import type { Verb } from '../http/route.ts';
import { pathsBelow } from '../storage/files.ts';
import { requireSiteRows } from './read-rows.ts';
import { isEnded } from './run-state.ts';
import type { RunSubject } from './subject.ts';

type Operations = typeof operations;

/**
 * `GET /runs/{runId}/files`: by store, then path. Nothing while the run lives: the connector could swap a folder for a
 * link between two looks at it.
 */
export const runFileList: Verb<Operations['runFileList']> = async ({ db, services }, { subject, page }) => {
  const root = await services.storage.folder('runs', subject.id);
  return filesPage(
    db,
    root,
    left(subject, root),
    page,
    (path) => sql`'store', split_part(${path}, '/', 1), 'path', substr(${path}, strpos(${path}, '/') + 1)`,
  );
};

/** The names of the stores are folders of the run's folder; in alphabetical order, as the paths in them. */
async function* left({ state }: RunSubject, root: string): AsyncGenerator<string> {
  if (!isEnded(state)) return;
  for (const store of runFileStores) yield* pathsBelow(root, '', `${store}/`);
}

/** `GET /runs/{runId}/files/{store}/{path}` */
export const runFileShow: Verb<Operations['runFileShow']> = async (context, { subject, params }) => {
  await requireSiteRows(context, subject);
  const folder = folderOf(await context.services.storage.folder('runs', subject.id), params.store);
  const segments = cleanPath(params.path) ?? [];
  const found =
    folder === null || segments.length === 0 || !isEnded(subject.state)
      ? null
      : await openInside({ root: folder, knownAs: [] }, segments);
  if (found === null || found.isFolder) {
    await found?.handle.close();
    throw notFound('File');
  }
  try {
    await inTransaction(context, (work) =>
      audit(work, {
        action: 'run_file_show',
        entity: { type: 'run', id: subject.id, name: null },
        connector: subject.connectorId,
        changes: [{ path: 'file', from: null, to: `${params.store}/${segments.join('/')}` }],
      }),
    );
    const { size } = await found.handle.stat();
    return {
      name: basename(segments.at(-1) as string),
      sizeBytes: size,
      content: found.handle.createReadStream(),
    };
  } catch (error) {
    await found.handle.close();
    throw error;
  }
};

function folderOf(root: string, store: string): string | null {
  if (!(runFileStores as readonly string[]).includes(store)) return null;
  const { exchange, store: stored } = runFolder(root);
  return store === 'exchange' ? exchange : stored(store as Exclude<RunFileStore, 'exchange'>);
}
