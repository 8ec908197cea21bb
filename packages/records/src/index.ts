export {
  DELTA_STREAMS,
  type DeltaCounts,
  type DeltaRule,
  type DeltaStream,
  writeDelta,
} from './data-sets/delta.ts';
export { DuckDb, type DuckDbOptions } from './data-sets/duckdb.ts';
export { loadDataSet } from './data-sets/load-data-set.ts';
export { type Merged, mergeDataSets } from './data-sets/merge.ts';
export type { JoinedSource, MainSource, MergeSources, SourceCounts } from './data-sets/merge-sources.ts';
export { type ColumnProfile, profileDataSet } from './data-sets/profile.ts';
export {
  type DataSetPage,
  describeDataSet,
  readDataSet,
  readDataSetValues,
  streamDataSet,
} from './data-sets/read-data-set.ts';
export {
  MAX_SORTS,
  type RowFilter,
  type RowSelection,
  type RowSort,
  UnknownColumnError,
} from './data-sets/row-query.ts';
export type { DataSet, RowSource } from './data-sets/row-source.ts';
export type { TaskControl } from './data-sets/task.ts';
export { isDiskFull } from './disk-full.ts';
export { ByteSink } from './flatten/byte-sink.ts';
export { ColumnRegister, MAX_COLUMNS } from './flatten/column-register.ts';
export { MAX_NAME_LENGTH } from './flatten/paths.ts';
export { MAX_ROW_DEPTH, type RowProblem } from './flatten/row-flattener.ts';
export {
  type FlattenedCall,
  type FlattenedLines,
  type FlattenTarget,
  MAX_REPORTED_ROWS,
  type MetaProblem,
  RowLinesReader,
  WriteRequestReader,
} from './flatten/write-request.ts';
export { minify, readFields } from './json/json-fields.ts';
export { MalformedJsonError } from './json/json-scanner.ts';
export { isExactNumber, parseExact } from './json/raw-json.ts';
export { AppendFile, StorageFailure } from './streams/append-file.ts';
export { fullRow, readFullRows } from './streams/full-rows.ts';
export { InputStream, isHidden, type Served } from './streams/input-stream.ts';
export { readJsonFile, writeJsonFile } from './streams/json-file.ts';
export type { OutputDescription } from './streams/output-files.ts';
export {
  describeOutput,
  OutputClosedError,
  OutputStream,
  StagedRows,
  TooManyColumnsError,
} from './streams/output-stream.ts';
export { readBlocks, readLines } from './streams/read-blocks.ts';
export { BlockKeeper } from './streams/row-file.ts';
export { writeInputStream } from './streams/write-input-stream.ts';
export { writeWhole } from './streams/write-whole.ts';
