import { join } from 'node:path';

/**
 * Layout of a run's folder. The server fills `input/`, `state/`, `exchange/` and `given/` before the run; the Container API fills
 * the rest and reads it back after a crash.
 *
 *   input/<stream>.json|.ndjson|.index       rows of an input stream (`writeInputStream` of records)
 *   input/<stream>.hidden.ndjson|.index      the same with hidden columns, when there are any
 *   input/<stream>@<id>.…                    the rows of one classification, likewise
 *   cursors/<stream>, cursors/<stream>@<id>  cursors
 *   output/output.…, output/feedback.…       output streams (`OutputStream` of records)
 *   exchange/                                files shared with the connector
 *   given/                                   what `exchange/` held at the start, when it was given files
 *   transport/, internal/                    files that were stored (container-api.md 7.3)
 *   staging/                                 files on their way; nothing there counts after a crash
 *   processes.ndjson                         storage processes (`ProcessRecord`)
 *   state/checkpoints.ndjson                 checkpoints at the start of the run (`StoredCheckpoint`)
 *   state/changes.ndjson                     what the run changed, in order (`CheckpointChange`)
 *   log.ndjson                               log journal (`LogEntry`)
 *   notifications.ndjson                     lines for the notification panel (`StoredNotification`)
 *   events.ndjson                            event log (`StoredEvent`)
 *   idempotency.ndjson                       remembered keys
 *   facts.json                               what {@link RunSummary} needs to survive a crash
 *
 * A sidecar in a process of its own also has (`process/`):
 *
 *   run.json                                 ids that were not given (`LocalIds`)
 *   loading/                                 rows of input files on their way to `input/`
 *   summary.json                             how the run ended; a folder that has it holds a run that is over
 *
 * @param elsewhere folders that lie outside of `root`
 */
export function runFolder(
  root: string,
  elsewhere: { readonly exchange?: string | undefined; readonly transport?: string | undefined } = {},
) {
  return {
    input: (stream: string) => join(root, 'input', stream),
    classificationInput: (stream: string, id: number) => join(root, 'input', `${stream}@${id}`),
    cursors: join(root, 'cursors'),
    output: (stream: 'output' | 'feedback') => join(root, 'output', stream),
    exchange: elsewhere.exchange ?? join(root, 'exchange'),
    given: join(root, 'given'),
    store: (name: 'transport' | 'internal') =>
      name === 'transport' && elsewhere.transport !== undefined ? elsewhere.transport : join(root, name),
    staging: join(root, 'staging'),
    processes: join(root, 'processes.ndjson'),
    stateFolder: join(root, 'state'),
    checkpoints: join(root, 'state', 'checkpoints.ndjson'),
    checkpointChanges: join(root, 'state', 'changes.ndjson'),
    log: join(root, 'log.ndjson'),
    notifications: join(root, 'notifications.ndjson'),
    events: join(root, 'events.ndjson'),
    idempotency: join(root, 'idempotency.ndjson'),
    facts: join(root, 'facts.json'),
    localIds: join(root, 'run.json'),
    loading: join(root, 'loading'),
    summary: join(root, 'summary.json'),
  };
}

export type RunFolder = ReturnType<typeof runFolder>;
