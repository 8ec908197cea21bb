// @ts-check
export { connect } from './connector.js';
export {
  ApiError,
  CancelledError,
  UnreachableError,
  RowsRefusedError,
  SettingError,
  StateConflictError,
  StorageError,
} from './errors.js';
export { run } from './run.js';
