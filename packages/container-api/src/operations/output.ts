import { setImmediate as nextTurn } from 'node:timers/promises';
import { ByteSink, type OutputStream, type StagedRows, WriteRequestReader } from '@slipway/records';
import { ANSWERS, done, NO_CONTENT, Refusal } from '../http/answers.ts';
import type { Call, Operation } from '../http/operation.ts';
import { fingerprintOf, type KeyedCall } from '../idempotency.ts';
import type { OutputName } from '../run/streams-of-types.ts';
import { writeLines } from './output-lines.ts';
import { accept, orFailRun, refuseWrongFields, type WrittenRows } from './output-rules.ts';

/** Bodies up to this size are worked on in one go; larger ones let other calls in between. */
const STEP = 1024 * 1024;
/** Flattened rows of one call that are held in memory; more go to a file at once. */
const SPILL_AT = 8 * 1024 * 1024;

/** Lines of the small bodies: each is handed over before the next one begins. */
const sharedSink = new ByteSink(2 * STEP);

/** Writing of rows: container-api.md 5.7 and 5.8. */
export const outputOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/output/:type',
    handle: (call) => {
      const name = outputName(call.parameter('type'));
      const type = call.request.headers['content-type'];
      const isLines = type !== undefined && /^\s*application\/x-ndjson\s*(?:;|$)/i.test(type);
      return orFailRun(call.run, isLines ? writeLines(call, name) : writeBody(call, name));
    },
  },
  {
    method: 'POST',
    path: '/output/:type/close',
    handle: async (call) => {
      const name = outputName(call.parameter('type'));
      if (name === null) throw new Refusal(ANSWERS.noStream);
      await call.run.outputStream(name).close();
      return NO_CONTENT;
    },
  },
];

/** The stream that a word means; null for another word, which is refused after the body has been checked. */
function outputName(word: string): OutputName | null {
  return word === 'output' || word === 'feedback' ? word : null;
}

const WRITTEN = done(201, 'Written successfully.');

async function writeBody(call: Call, name: OutputName | null) {
  const body = await call.body();
  const stream = call.run.outputStream(name ?? 'feedback');
  const key = call.request.headers['idempotency-key'] as string | undefined;
  // With a key there is a pause between reading and writing, in which another call could use the sink.
  const shared = body.length <= STEP && key === undefined;
  // The reader changes the body (it replaces lone surrogates), so the fingerprint is taken before.
  const print =
    key === undefined ? '' : fingerprintOf('POST', call.path, call.queryText, body.subarray(0, -1));
  const { separator } = call.run.context.config;
  const target = { columns: stream.columns, separator, ...(shared ? { sink: sharedSink } : {}) };
  const reader = new WriteRequestReader(body, target);
  let rows: WrittenRows | null = null;
  let keyed: KeyedCall | null = null;
  let succeeded = false;
  try {
    rows = await readAll(reader, stream, shared);
    const begun = await call.run.keys.begin(key, () => print);
    if (begun && 'status' in begun) return begun;
    keyed = begun;
    refuseWrongFields(reader.call, null);
    await accept(call.run, name, rows, (effect) => keyed?.record(effect, WRITTEN));
    succeeded = true;
    return WRITTEN;
  } finally {
    keyed?.finish(succeeded);
    if (!succeeded) {
      stream.columns.forgetRefused();
      await rows?.staged?.discard();
    }
  }
}

/** Flattens a body, in steps when it is large; lines that are too many for the memory go to a file. */
async function readAll(
  reader: WriteRequestReader,
  stream: OutputStream,
  inOneGo: boolean,
): Promise<WrittenRows> {
  let staged: StagedRows | null = null;
  try {
    if (inOneGo) reader.step(Number.POSITIVE_INFINITY);
    else {
      let flattener = reader.call.flattener;
      while (!reader.step(STEP)) {
        await nextTurn();
        if (reader.call.flattener !== flattener) {
          // The rows are read again, with another separator or from another list.
          await staged?.discard();
          staged = null;
          flattener = reader.call.flattener;
        }
        if (flattener.lines.length <= SPILL_AT) continue;
        staged ??= await stream.stage();
        await staged.spill(flattener.lines);
      }
      if (reader.call.flattener !== flattener) {
        await staged?.discard();
        staged = null;
      }
    }
    return { flattener: reader.call.flattener, staged };
  } catch (error) {
    await staged?.discard();
    throw error;
  }
}
