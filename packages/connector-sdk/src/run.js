// @ts-check
/** @import { ConnectOptions, Connector } from '../types.d.ts' */
import { connect } from './connector.js';
import { CancelledError } from './errors.js';

/** 128 + SIGTERM, as a shell tells it. */
const CANCELLED = 143;
/** Milliseconds that a cancelled connector has to save its state; the platform kills it after ten seconds. */
const GRACE_MS = 8000;

/**
 * @param {(connector: Connector) => unknown} main
 * @param {ConnectOptions} [options]
 */
export async function run(main, options = {}) {
  const words = options.arguments ?? process.argv.slice(2);
  if (words.includes('--health')) {
    process.stdout.write('ready\n');
    return;
  }
  const cancel = new AbortController();
  const onSignal = () => {
    cancel.abort(new CancelledError());
    setTimeout(() => process.exit(CANCELLED), GRACE_MS).unref();
  };
  process.once('SIGTERM', onSignal);
  const signal = options.signal ? AbortSignal.any([options.signal, cancel.signal]) : cancel.signal;
  /** @type {unknown[]} */
  const failures = [];
  try {
    const connector = connect({ ...options, signal });
    try {
      await main(connector);
    } catch (error) {
      failures.push(error);
    }
    await connector.close();
  } catch (error) {
    failures.push(error);
  }
  process.off('SIGTERM', onSignal);
  if (cancel.signal.aborted) process.exit(CANCELLED);
  if (failures.length === 0) return;
  process.stderr.write(`${stackOf(failures[0])}\n`);
  // What the connector left open must not keep a failed run waiting for its time limit.
  process.exit(1);
}

/**
 * The stack with those of the causes. Other properties stay out: clients of web APIs keep passwords there.
 *
 * @param {unknown} error
 * @returns {string}
 */
function stackOf(error) {
  if (!(error instanceof Error)) return `The connector threw ${String(error)}.`;
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\nCaused by ${stackOf(error.cause)}`;
}
