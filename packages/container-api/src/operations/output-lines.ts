import { createHash } from 'node:crypto';
import { ByteSink, RowLinesReader, type StagedRows } from '@slipway/records';
import { ANSWERS, type Answer, done, Refusal } from '../http/answers.ts';
import { checkBodyHeaders, chunks } from '../http/body.ts';
import type { Call } from '../http/operation.ts';
import type { OutputName } from '../run/streams-of-types.ts';
import { accept, refuseWrongFields } from './output-rules.ts';

/** Flattened rows that are held in memory before they go to a file: such calls may be endless and many. */
const SPILL_AT = 1024 * 1024;
const NEWLINE = 0x0a;

const WRITTEN = done(201, 'Written successfully.');

/** Writes rows that arrive one per line, in a body of any length (container-api.md 5.7, NDJSON). */
export async function writeLines(call: Call, name: OutputName | null): Promise<Answer> {
  const { run, request } = call;
  checkBodyHeaders(request, Number.POSITIVE_INFINITY);
  const stream = run.outputStream(name ?? 'feedback');
  const separator = call.query.text('separator') ?? run.context.config.separator;
  const sink = new ByteSink(64 * 1024);
  const reader = new RowLinesReader({ columns: stream.columns, separator, sink });
  const key = request.headers['idempotency-key'] as string | undefined;
  const hash =
    key === undefined ? null : createHash('sha256').update(`POST ${call.path}?${call.queryText}\n`);
  let staged: StagedRows | null = null;
  let succeeded = false;
  let finish: ((succeeded: boolean) => void) | undefined;
  try {
    const splitter = new LineSplitter(run.context.bodyLimitBytes, (line) => reader.line(line));
    for await (const chunk of chunks(request)) {
      hash?.update(chunk);
      splitter.push(chunk);
      if (sink.length <= SPILL_AT) continue;
      staged ??= await stream.stage();
      await staged.spill(sink);
    }
    splitter.end();
    const keyed = await run.keys.begin(key, () => hash?.digest('base64') ?? '');
    if (keyed && 'status' in keyed) return keyed;
    finish = keyed?.finish;
    const { call: flattened } = reader;
    refuseWrongFields(flattened, flattened.malformedRow);
    const rows = { flattener: flattened.flattener, staged };
    await accept(run, name, rows, (effect) => keyed?.record(effect, WRITTEN));
    succeeded = true;
    return WRITTEN;
  } finally {
    finish?.(succeeded);
    if (!succeeded) {
      stream.columns.forgetRefused();
      await staged?.discard();
    }
  }
}

/** Splits the parts of a body into lines, each with one byte behind it. */
class LineSplitter {
  readonly #limit: number;
  readonly #onLine: (line: Buffer) => void;
  /** A line whose end has not arrived. */
  readonly #rest = new ByteSink(16 * 1024);

  constructor(limit: number, onLine: (line: Buffer) => void) {
    this.#limit = limit;
    this.#onLine = onLine;
  }

  /** @throws {Refusal} 413 when one line is larger than the limit */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#check(end - start);
      const line = chunk.subarray(start, end + 1);
      if (this.#rest.length === 0) this.#onLine(line);
      else {
        this.#rest.push(line);
        this.#onLine(this.#rest.view());
        this.#rest.length = 0;
      }
      start = end + 1;
    }
    this.#check(chunk.length - start);
    this.#rest.push(chunk.subarray(start));
  }

  /** The last line may end without a line break. */
  end(): void {
    if (this.#rest.length === 0) return;
    this.#rest.push(Buffer.alloc(1));
    this.#onLine(this.#rest.view());
  }

  #check(more: number): void {
    if (this.#rest.length + more > this.#limit) throw new Refusal(ANSWERS.tooLarge);
  }
}
