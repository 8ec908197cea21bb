// @ts-check
export { connect } from './connector.js';
export {
  ApiError,
  CancelledError,
  RowsRefusedError,
  SettingError,
  StateConflictError,
  StorageError,
  UnreachableError,
} from './errors.js';
export { run } from './run.js';
