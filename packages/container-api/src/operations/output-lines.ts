import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
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
  const hash = createHash('sha256').update(`POST ${call.path}?${call.queryText}\n`);
  let staged: StagedRows | null = null;
  let succeeded = false;
  let finish: ((succeeded: boolean) => void) | undefined;
  try {
    for await (const line of lines(request, run.context.bodyLimitBytes, (chunk) => hash.update(chunk))) {
      reader.line(line);
      if (sink.length <= SPILL_AT) continue;
      staged ??= await stream.stage();
      await staged.spill(sink);
    }
    const key = request.headers['idempotency-key'] as string | undefined;
    const keyed = await run.keys.begin(key, () => hash.digest('base64'));
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

/**
 * The lines of a body as they arrive, each with one byte behind it.
 *
 * @throws {Refusal} 413 when one line is larger than the limit
 */
async function* lines(
  request: IncomingMessage,
  limit: number,
  onChunk: (chunk: Buffer) => void,
): AsyncGenerator<Buffer> {
  const rest = new ByteSink(16 * 1024);
  const fits = (size: number): void => {
    if (size > limit) throw new Refusal(ANSWERS.tooLarge);
  };
  for await (const chunk of chunks(request)) {
    onChunk(chunk);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      fits(rest.length + end - start);
      const line = chunk.subarray(start, end + 1);
      if (rest.length === 0) yield line;
      else {
        rest.push(line);
        yield rest.view();
        rest.length = 0;
      }
      start = end + 1;
    }
    fits(rest.length + chunk.length - start);
    rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) {
    rest.push(Buffer.alloc(1));
    yield rest.view();
  }
}
