export {
  type ContainerApi,
  type ListenOptions,
  type RunSummary,
  startContainerApi,
} from './container-api.ts';
export { openInside } from './files/anchored.ts';
export { cleanPath } from './files/clean-path.ts';
export { type LogLevel, SEVERITIES, toLogLevel } from './log/levels.ts';
export { createMasker, type Masker, type MaskingStream } from './log/masker.ts';
export { type LogPart, readLog } from './log/read-log.ts';
export {
  type LogEntry,
  type LogSource,
  type NewLogEntry,
  RunLog,
  type RunLogOptions,
} from './log/run-log.ts';
export type { StoredEvent, StoredEvents } from './operations/event-log.ts';
export type { StoredNotification } from './operations/notifications.ts';
export { contextOf } from './process/context-of.ts';
export { ownProcess } from './process/own-process.ts';
export { parseRunConfig, type RunConfig, RunConfigError } from './process/run-config.ts';
export { EXIT, type SidecarProcess, serveRun } from './process/sidecar.ts';
export { readSummary } from './process/summary.ts';
export {
  type CheckpointChange,
  permanentChanges,
  type StoredCheckpoint,
  writeCheckpoints,
} from './run/checkpoints.ts';
export { readJournal } from './run/journal.ts';
export type { ProcessRecord, StorageTask, StoreName } from './run/process-records.ts';
export { type InputName, type OutputName, STREAMS } from './run/streams-of-types.ts';
export {
  type Classification,
  type ContainerApiConfig,
  DEFAULT_CONTAINER_API_CONFIG,
  DEFAULT_FILE_LIMITS,
  type FileLimits,
  type ForwardPolicy,
  type RunContext,
} from './run-context.ts';
export { type RunFolder, runFolder } from './run-folder.ts';
