import { createHash } from 'node:crypto';
import { ByteSink, RowLinesReader, type StagedRows } from '@slipway/records';
import { ANSWERS, type Answer, done, Refusal } from '../http/answers.ts';
import { checkBodyHeaders, chunks } from '../http/body.ts';
import type { Call } from '../http/operation.ts';
import type { OutputName } from '../run/streams-of-types.ts';
import { accept, refuseWrongFields } from './output-rules.ts';

/** Flattened rows that are held in memory before the call gets a file of its own: such calls may be endless and many. */
const STAGE_AT = 1024 * 1024;
/** From then on: so few that the system takes them at once, without a copy of them being made. */
const SPILL_AT = 128 * 1024;
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
    const splitter = new LineSplitter(run.context.bodyLimitBytes, (lines) => reader.lines(lines));
    for await (const chunk of chunks(request)) {
      hash?.update(chunk);
      splitter.push(chunk);
      if (sink.length <= (staged ? SPILL_AT : STAGE_AT)) continue;
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

/** Splits the parts of a body between lines. */
class LineSplitter {
  readonly #limit: number;
  readonly #onLines: (lines: Buffer) => void;
  /** A line whose end has not arrived. */
  readonly #rest = new ByteSink(16 * 1024);

  /** @param onLines takes whole lines, each with its line break */
  constructor(limit: number, onLines: (lines: Buffer) => void) {
    this.#limit = limit;
    this.#onLines = onLines;
  }

  /** @throws {Refusal} 413 when one line is larger than the limit */
  push(chunk: Buffer): void {
    const rest = this.#rest;
    let start = 0;
    if (rest.length > 0) {
      start = chunk.indexOf(NEWLINE) + 1;
      if (start > 0) {
        this.#check(rest.length + start - 1);
        rest.push(chunk.subarray(0, start));
        this.#onLines(rest.view());
        rest.length = 0;
      }
    }
    const whole = chunk.subarray(start, chunk.lastIndexOf(NEWLINE) + 1);
    if (whole.length > 0) {
      this.#checkEach(whole);
      this.#onLines(whole);
      start += whole.length;
    }
    this.#check(rest.length + chunk.length - start);
    rest.push(chunk.subarray(start));
  }

  /** The last line may end without a line break. */
  end(): void {
    if (this.#rest.length === 0) return;
    this.#rest.push(Buffer.of(NEWLINE));
    this.#onLines(this.#rest.view());
  }

  #checkEach(lines: Buffer): void {
    if (lines.length <= this.#limit) return;
    let start = 0;
    for (let end = lines.indexOf(NEWLINE); end !== -1; end = lines.indexOf(NEWLINE, start)) {
      this.#check(end - start);
      start = end + 1;
    }
  }

  #check(bytes: number): void {
    if (bytes > this.#limit) throw new Refusal(ANSWERS.tooLarge);
  }
}
