import { rm } from 'node:fs/promises';
import type { LogSink, Mask } from '../log.ts';
import type { BundleRecord } from './bundle-store.ts';
import { OutputCapture } from './capture.ts';
import { type LaunchEnd, launchPlain, launchSandboxed } from './launch.ts';
import { layOutSandbox, type Machine, placeOf } from './place.ts';
import { lookupProgram } from './programs.ts';
import type { RunFolder } from './run-folder.ts';

/** A program beside the runs: a health check or an installation. */
export interface Task {
  readonly machine: Machine;
  /** Folders made for the task; `bundle` is already filled. */
  readonly folder: RunFolder;
  readonly record: BundleRecord;
  readonly words: readonly string[];
  /** Variables besides those of the image and the basic ones. */
  readonly environment: Readonly<Record<string, string>>;
  readonly network: 'shared' | 'own';
  /** Marks the task's processes, as the id of a run marks those of a run. */
  readonly id: string;
  readonly timeoutMs: number | null;
  readonly log: LogSink;
  readonly mask: Mask;
  /** Source of the log lines. */
  readonly source: string;
  readonly signal: AbortSignal;
}

/** How a task ended. */
export type TaskEnd = LaunchEnd | { readonly kind: 'too-long' };

/** Larger files than this no installation needs. */
const FILE_BYTES = 10 * 1024 ** 3;

/**
 * Runs a program in the place where the connector will run, with nothing of the server's environment, and waits for
 * its end. Its output goes to the log. When time is up or the signal fires, everything it started is killed.
 *
 * @throws the abort reason when the signal fired
 */
export async function runTask(task: Task): Promise<TaskEnd> {
  task.signal.throwIfAborted();
  const { machine, folder } = task;
  const place = placeOf(machine, folder, folder.temporary, task.record);
  const environment = {
    ...place.imageVariables,
    ...task.environment,
    SLIPWAY_RUN_ID: task.id,
    PATH: place.path,
    LANG: machine.lang,
    HOME: place.home,
    TMPDIR: place.temporaryFolder,
    TZ: 'UTC',
  };
  const layout = {
    folder,
    place,
    environment,
    hosts: {},
    socketFolder: null,
    exchangeFolder: null,
    network: task.network,
  };
  const inside = machine.sandbox === null ? null : await layOutSandbox(machine.sandbox, layout);
  const [word = '', ...rest] = task.words;
  const found = lookupProgram(word, place.path, place.workingFolder, inside?.toHost);
  if (found.kind !== 'found') {
    return {
      kind: 'start-failed',
      notFound: found.kind === 'not-found',
      cause: found.kind === 'failed' ? found.cause : '',
    };
  }
  // npm reports progress on stderr: only the end of a task tells whether that was an error.
  const log: LogSink = (level, source, message) =>
    task.log(source === 'engine' ? level : 'info', task.source, message);
  const { stdout, stderr } = await OutputCapture.open(folder.root, log, task.mask);
  const common = {
    name: word,
    workingFolder: place.workingFolder,
    stdout: stdout.writeEnd,
    stderr: stderr.writeEnd,
    runId: task.id,
    fileBytes: FILE_BYTES,
    prlimit: machine.prlimit,
    words: [found.path, ...rest],
  };
  const launched =
    machine.sandbox === null || inside === null
      ? launchPlain({ ...common, environment })
      : launchSandboxed(common, { bwrap: machine.sandbox.bwrap, args: inside.args, launcher: false });
  stdout.releaseWriteEnd();
  stderr.releaseWriteEnd();
  let tooLong = false;
  const kill = () => void launched.kill();
  const timer =
    task.timeoutMs === null
      ? undefined
      : setTimeout(() => {
          tooLong = true;
          kill();
        }, task.timeoutMs);
  task.signal.addEventListener('abort', kill, { once: true });
  const end = await launched.ended;
  clearTimeout(timer);
  task.signal.removeEventListener('abort', kill);
  if (machine.sandbox === null) await launched.tree.killAll();
  await Promise.all([stdout.finish(), stderr.finish()]);
  await Promise.all(['stdout', 'stderr'].map((name) => rm(`${folder.root}/${name}.spool`, { force: true })));
  task.signal.throwIfAborted();
  return tooLong ? { kind: 'too-long' } : end;
}
