import type { InputStream, Served } from '@slipway/records';
import { ANSWERS, done, NO_CONTENT, ok, Refusal } from '../http/answers.ts';
import { buffers } from '../http/buffer-pool.ts';
import type { Call, Operation } from '../http/operation.ts';
import type { Block } from '../http/send-blocks.ts';
import type { InputName } from '../run/streams-of-types.ts';

/** Answers up to this size are read into memory as a whole. */
const WHOLE_ANSWER = 1024 * 1024;
/** Bytes that are read and handed to a connection at once: four times as much may wait there. */
const BLOCK_SIZE = 256 * 1024;
const NEWLINE = 0x0a;
const COMMA = 0x2c;

const ROW_BEFORE = Buffer.from('{"message":"","data":');
const ROW_AFTER = Buffer.from('}');
const ROWS_BEFORE = Buffer.from('{"message":"","data":[');
const ROWS_AFTER = Buffer.from(']}');
const NO_ROWS = ok('', []);
const RESTARTED = done(200, 'successful request');

/** What a read asks for, as far as the query says. */
interface ReadQuery {
  readonly showHidden: boolean;
  readonly classification: number | null;
}

/** Reading of input streams: container-api.md 5.2 to 5.6. */
export const inputOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/input/:type/next',
    handle: async (call) => {
      const word = call.parameter('type');
      const query = readQuery(call);
      call.query.check();
      const frame = new Frame(call, ROW_BEFORE, ROW_AFTER);
      const served = await take(call, word, query, (stream) =>
        stream.next(1, query.showHidden, frame.allocate),
      );
      if (!served) return NO_CONTENT;
      call.afterAnswer(served.acknowledge);
      return { status: 200, body: frame.body(await served.text()) };
    },
  },
  {
    method: 'GET',
    path: '/input/:type/next_batch',
    handle: async (call) => {
      const word = call.parameter('type');
      const query = readQuery(call);
      const size =
        call.query.integer('size', { min: 1, max: call.run.context.config['batch-size-max'] }) ?? 1;
      call.query.check();
      const frame = new Frame(call, ROWS_BEFORE, ROWS_AFTER);
      const served = await take(call, word, query, (stream) =>
        stream.next(size, query.showHidden, frame.allocate),
      );
      if (!served) return NO_ROWS;
      call.afterAnswer(served.acknowledge);
      if (served.length <= WHOLE_ANSWER)
        return { status: 200, body: asList(frame.body(await served.text())) };
      const length = ROWS_BEFORE.length + served.length - 1 + ROWS_AFTER.length;
      await call.sendBlocks(
        { 'Content-Type': 'application/json', 'Content-Length': length },
        listBlocks(served),
      );
      return null;
    },
  },
  {
    method: 'GET',
    path: '/input/:type/restart',
    handle: async (call) => {
      const word = call.parameter('type');
      const classification = call.query.integer('classification-id');
      call.query.check();
      const name = provided(call, word, classification);
      if (classification !== null) {
        await (await call.run.input(name, classification)).restart();
        return RESTARTED;
      }
      await (await call.run.input(name, null)).restart();
      for (const { id } of call.run.context.classifications) await (await call.run.input(name, id)).restart();
      return RESTARTED;
    },
  },
  {
    method: 'GET',
    path: '/items/:type/count',
    handle: async (call) => {
      const word = call.parameter('type');
      const classification = call.query.integer('classification-id');
      call.query.check();
      const stream = await call.run.input(provided(call, word, classification), classification);
      return ok('Items counted successfully.', { count: stream.count });
    },
  },
  {
    method: 'GET',
    path: '/input/:type/stream',
    handle: async (call) => {
      const word = call.parameter('type');
      const query = readQuery(call);
      call.query.check();
      const next = () =>
        take(call, word, query, (stream) => stream.nextBytes(BLOCK_SIZE, query.showHidden, allocateBlock));
      // Read before the first byte is sent: what can not be read at all is answered with an error.
      const first = await next();
      await call.sendBlocks({ 'Content-Type': 'application/x-ndjson' }, streamBlocks(first, next));
      return null;
    },
  },
];

function readQuery(call: Call): ReadQuery {
  const showHidden = call.query.boolean('show-hidden', call.run.context.config['show-hidden']);
  const classification = call.query.integer('classification-id');
  return { showHidden, classification };
}

/**
 * The stream that a word means; `full` is another name of `input`.
 *
 * @throws {Refusal} 404 when the run has no such stream or classification
 */
function provided(call: Call, word: string, classification: number | null): InputName {
  const { run } = call;
  const name = word === 'full' ? 'input' : word;
  const found = run.inputNames.find((candidate) => candidate === name);
  if (!found) throw new Refusal(ANSWERS.noStream);
  if (word === 'full' && run.note('usedFull')) {
    const message = 'Type "full" is deprecated. Use "input" instead.';
    void run.log.write({ level: 'notice', source: 'container-api', message });
  }
  const known =
    classification === null || run.context.classifications.some(({ id }) => id === classification);
  if (!known) throw new Refusal(ANSWERS.noStream);
  return found;
}

/** Takes rows from a stream; they have to be acknowledged when they have been handed over. */
async function take(
  call: Call,
  word: string,
  query: ReadQuery,
  read: (stream: InputStream) => Promise<Served | null>,
): Promise<Served | null> {
  const { run } = call;
  const name = provided(call, word, query.classification);
  const served = await read(await run.input(name, query.classification));
  if (query.showHidden) run.note('readHidden');
  if (served) run.countRead(name, served.rows);
  return served;
}

/** The body of an answer, into which rows are read between what stands before and after them. */
class Frame {
  readonly #call: Call;
  readonly #before: Buffer;
  readonly #after: Buffer;
  #buffer: Buffer | null = null;

  constructor(call: Call, before: Buffer, after: Buffer) {
    this.#call = call;
    this.#before = before;
    this.#after = after;
  }

  readonly allocate = (bytes: number): Buffer => {
    this.#buffer = this.#call.lend(this.#before.length + bytes - 1 + this.#after.length);
    return this.#buffer.subarray(this.#before.length, this.#before.length + bytes);
  };

  /** @param rows what was read; the line break of the last one is written over */
  body(rows: Buffer): Buffer {
    const end = this.#before.length + rows.length - 1;
    if (this.#buffer === null) rows.copy(this.allocate(rows.length));
    const buffer = this.#buffer as unknown as Buffer;
    buffer.set(this.#before);
    buffer.set(this.#after, end);
    return buffer;
  }
}

/** Lines in their frame as the answer of `next_batch`: commas take the place of the line breaks. */
function asList(body: Buffer): Buffer {
  separate(body, ROWS_BEFORE.length, body.length - ROWS_AFTER.length);
  return body;
}

/** Gives a buffer for a block; {@link buffers} gets it back when it has been sent. */
const allocateBlock = (bytes: number): Buffer => buffers.take(bytes).subarray(0, bytes);

async function* listBlocks(served: Served): AsyncGenerator<Block> {
  yield { bytes: ROWS_BEFORE };
  let left = served.length - 1;
  for await (const bytes of served.blocks(BLOCK_SIZE, allocateBlock)) {
    const rows = bytes.subarray(0, Math.min(bytes.length, left));
    separate(rows, 0, rows.length);
    left -= rows.length;
    if (rows.length > 0) yield { bytes: rows, taken: () => buffers.giveBack(rows) };
  }
  yield { bytes: ROWS_AFTER };
}

/** Line breaks stand only between rows: inside of them they are escaped. */
function separate(bytes: Buffer, from: number, to: number): void {
  for (let at = bytes.indexOf(NEWLINE, from); at !== -1 && at < to; at = bytes.indexOf(NEWLINE, at + 1)) {
    bytes[at] = COMMA;
  }
}

async function* streamBlocks(
  first: Served | null,
  next: () => Promise<Served | null>,
): AsyncGenerator<Block> {
  for (let served = first; served !== null; served = await next()) {
    const { acknowledge } = served;
    let left = served.length;
    for await (const bytes of served.blocks(BLOCK_SIZE, allocateBlock)) {
      left -= bytes.length;
      const last = left === 0;
      const taken = (): void => {
        buffers.giveBack(bytes);
        // Taken, or left by the client: in both cases these rows have been handed over.
        if (last) acknowledge();
      };
      yield { bytes, taken };
    }
  }
}
