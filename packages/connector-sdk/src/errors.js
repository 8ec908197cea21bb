// @ts-check
/** The Container API refused a call. */
export class ApiError extends Error {
  /**
   * @param {string} method
   * @param {string} path
   * @param {number} status
   * @param {{ message: string, errors: Readonly<Record<string, string>> }} answer
   * @param {boolean} [repeated] an earlier attempt may have had its effect, since its answer was lost
   */
  constructor(method, path, status, answer, repeated = false) {
    const fields = Object.entries(answer.errors).map(([field, text]) => `${field}: ${text}`);
    const details = fields.length > 0 ? ` (${fields.join('; ')})` : '';
    super(`${method} ${path} answered ${status}: ${answer.message}${details}`);
    this.name = new.target.name;
    this.method = method;
    this.path = path;
    this.status = status;
    this.reason = answer.message;
    this.errors = answer.errors;
    this.repeated = repeated;
  }
}

/** Rows were refused; none of their batch is stored. */
export class RowsRefusedError extends ApiError {
  /**
   * @param {ApiError} refusal
   * @param {number} first number of the first row of the batch, from 1
   */
  constructor(refusal, first) {
    /** @type {Map<number, string>} */
    const rows = new Map();
    /** @type {Record<string, string>} */
    const named = {};
    for (const [field, text] of Object.entries(refusal.errors)) {
      const index = /^data\[(\d+)\]$/.exec(field)?.[1];
      if (index !== undefined) rows.set(first + Number(index), text);
      named[index === undefined ? field : `row ${first + Number(index)}`] = text;
    }
    super(
      refusal.method,
      refusal.path,
      refusal.status,
      { message: refusal.reason, errors: named },
      refusal.repeated,
    );
    this.rows = rows;
  }
}

/** A checkpoint has changed since it was read. */
export class StateConflictError extends ApiError {
  /**
   * @param {ApiError} refusal
   * @param {string} key
   */
  constructor(refusal, key) {
    const message = `The state "${key}" has changed since it was read.`;
    super(refusal.method, refusal.path, refusal.status, { message, errors: {} }, refusal.repeated);
    this.key = key;
  }
}

/** The Container API could not be reached, for as long as calls are repeated. */
export class UnreachableError extends Error {
  /**
   * @param {string} method
   * @param {string} path
   * @param {string} url
   * @param {unknown} cause
   * @param {number} attempts
   * @param {string} [hint]
   */
  constructor(method, path, url, cause, attempts, hint = '') {
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
    const tries = attempts > 1 ? `, tried ${attempts} times` : '';
    super(`${method} ${path} was not answered by the Container API at ${url} (${reason}${tries}).${hint}`, {
      cause,
    });
    this.name = new.target.name;
    this.method = method;
    this.path = path;
    this.attempts = attempts;
  }
}

/** A setting is missing or can not be understood. Its text never holds the value. */
export class SettingError extends Error {
  /**
   * @param {string} setting
   * @param {string} message
   */
  constructor(setting, message) {
    super(message);
    this.name = new.target.name;
    this.setting = setting;
  }
}

/** A copy of files failed. */
export class StorageError extends Error {
  /**
   * @param {string} id
   * @param {string} source
   * @param {number | null} exitCode
   */
  constructor(id, source, exitCode) {
    super(`Storing "${source}" failed with exit code ${exitCode} (process ${id}).`);
    this.name = new.target.name;
    this.id = id;
    this.exitCode = exitCode;
  }
}

/** The run is being cancelled. */
export class CancelledError extends Error {
  constructor() {
    super('The run is being cancelled.');
    this.name = new.target.name;
  }
}
