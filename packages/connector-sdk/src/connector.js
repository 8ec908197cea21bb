// @ts-check
/**
 * @import { ChangeKind, ConnectOptions, Connector as ConnectorApi, InputName, OutputName, ReadOptions, RunInfo, WriteOptions } from '../types.d.ts'
 * @import { RowReader as RowReaderApi, RowWriter as RowWriterApi } from '../types.d.ts'
 */
import { EventLog } from './event-log.js';
import { Bucket, Exchange, Storage } from './files.js';
import { HttpClient } from './http.js';
import { Messages } from './messages.js';
import { Positions } from './positions.js';
import { RowReader } from './row-reader.js';
import { RowWriter } from './row-writer.js';
import { Settings } from './settings.js';
import { State } from './state.js';

const RETRY_MS = 30_000;
const TIMEOUT_MS = 60_000;

/**
 * @param {ConnectOptions} [options]
 * @returns {ConnectorApi}
 */
export const connect = (options) => new Connector(options);

/**
 * The methods are functions of their own, so that a connector may take apart what it is given.
 *
 * @implements {ConnectorApi}
 */
class Connector {
  #client;
  #messages;
  #positions = new Positions();
  /** @type {RowWriter[]} */
  #writers = [];

  /** @param {ConnectOptions} [options] */
  constructor(options = {}) {
    const { environment = process.env, arguments: words = process.argv.slice(2) } = options;
    const url = options.url ?? environment.CONTAINER_API_URL ?? 'http://cde-container-api';
    this.#client = new HttpClient(url, options.retryMs ?? RETRY_MS, options.timeoutMs ?? TIMEOUT_MS);
    this.#messages = new Messages(this.#client);
    this.run = runInfo(environment);
    this.settings = new Settings(environment, words);
    this.signal = options.signal ?? new AbortController().signal;
    this.log = this.#messages.log();
    this.notify = this.#messages.notifications();
    this.events = new EventLog(this.#client);
    this.state = new State(this.#client);
    this.exchange = new Exchange(environment.SLIPWAY_EXCHANGE_DIR ?? '/data/productsup');
    this.bucket = new Bucket(this.#client, this.exchange);
    this.storage = new Storage(this.#client, this.exchange);
    this.input = this.read('input');
    this.output = this.writer('output');
    this.feedback = this.writer('feedback');
  }

  /**
   * @param {InputName} stream
   * @param {ReadOptions} [options]
   * @returns {RowReaderApi<any>}
   */
  read = (stream, options = {}) => {
    return new RowReader(this.#client, stream, options, this.#positions, this.signal);
  };

  /**
   * @param {readonly ChangeKind[]} [kinds]
   * @param {ReadOptions} [options]
   */
  changes = (kinds = ['new', 'modified', 'deleted'], options = {}) => changesOf(this, kinds, options);

  /**
   * @param {OutputName} stream
   * @param {WriteOptions} [options]
   * @returns {RowWriterApi<any>}
   */
  writer = (stream, options = {}) => {
    const writer = new RowWriter(this.#client, stream, options, this.signal);
    this.#writers.push(writer);
    return writer;
  };

  /** @param {{ showHidden?: boolean }} [options] */
  columnOrder = async ({ showHidden } = {}) => {
    const { data } = await this.#client.call('GET', '/column-order', {
      query: { 'show-hidden': showHidden },
    });
    return data.order;
  };

  /** @param {string} [path] */
  classifications = async (path) => {
    const query = { 'classification-path': path };
    /** @type {{ data: Record<string, any>[] }} */
    const { data } = await this.#client.call('GET', '/csa-classifications', { query });
    return data.map((entry) => ({ id: entry['classification-id'], path: entry['classification-path'] }));
  };

  metadata = async () => {
    const { data } = await this.#client.call('GET', '/metadata');
    const { 'process-id': processId, 'run-id': runId, ...rest } = data;
    return { ...rest, processId, runId };
  };

  flush = async () => {
    const flushed = await Promise.allSettled([...this.#writers, this.events].map((part) => part.flush()));
    await this.#messages.flush();
    const failed = flushed.find(({ status }) => status === 'rejected');
    if (failed) throw /** @type {PromiseRejectedResult} */ (failed).reason;
  };

  close = async () => {
    try {
      await this.flush();
    } finally {
      this.#client.close();
    }
  };

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}

/**
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @returns {RunInfo}
 */
const runInfo = (environment) => ({
  id: environment.SLIPWAY_RUN_ID,
  processId: environment.SLIPWAY_PROCESS_ID,
  siteId: Number(environment.SLIPWAY_SITE_ID ?? 0),
  connectorId: environment.SLIPWAY_CONNECTOR_ID,
  connectorVersion: environment.SLIPWAY_CONNECTOR_VERSION,
  environment: /** @type {any} */ (environment.SLIPWAY_ENVIRONMENT),
  stage: /** @type {any} */ (environment.SLIPWAY_STAGE),
});

/**
 * @param {Connector} connector
 * @param {readonly ChangeKind[]} kinds
 * @param {ReadOptions} options
 */
async function* changesOf(connector, kinds, options) {
  for (const kind of kinds) {
    for await (const row of connector.read(kind, options)) yield { kind, row };
  }
}
