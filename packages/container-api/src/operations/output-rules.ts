import {
  type FlattenedCall,
  MAX_COLUMNS,
  MAX_NAME_LENGTH,
  OutputClosedError,
  type RowProblem,
  type StagedRows,
  StorageFailure,
  TooManyColumnsError,
} from '@slipway/records';
import { ANSWERS, failure, invalid, Refusal, TEXTS } from '../http/answers.ts';
import type { Effect } from '../idempotency.ts';
import type { Run } from '../run/run.ts';
import type { OutputName } from '../run/streams-of-types.ts';

/** Flattened rows of a call, the first of them in a file if there are many. */
export interface WrittenRows {
  readonly flattener: FlattenedCall['flattener'];
  readonly staged: StagedRows | null;
}

/** Texts of wrong rows (container-api.md 5.7). */
const ROW_TEXTS: Readonly<Record<RowProblem, string>> = {
  'not-an-object': TEXTS.notObject,
  'empty-name': 'This value has an empty column name.',
  'long-name': `This value has a column name longer than ${MAX_NAME_LENGTH} characters.`,
  'too-deep': 'This value is nested too deeply.',
};
const TOO_MANY_COLUMNS = `This output has more than ${MAX_COLUMNS} columns.`;

/** What is wrong with a row, in the contract's words. */
export const rowProblemText = (problem: RowProblem): string => ROW_TEXTS[problem];

/**
 * Reports the wrong fields of a write together.
 *
 * @param malformedRow index of a row whose line is no JSON, in NDJSON
 * @throws {Refusal}
 */
export function refuseWrongFields(call: FlattenedCall, malformedRow: number | null): void {
  const errors: Record<string, string> = {};
  if (call.metaProblem === 'meta-not-an-object') errors.meta = TEXTS.notObject;
  if (call.metaProblem === 'separator-not-text') errors['meta.separator'] = TEXTS.notText;
  if (!call.hasRows) errors.data = TEXTS.notList;
  else if (call.flattener.tooManyColumns) errors.data = TOO_MANY_COLUMNS;
  for (const [index, problem] of call.wrongRows) errors[`data[${index}]`] = ROW_TEXTS[problem];
  if (malformedRow !== null) errors[`data[${malformedRow}]`] = 'This value is not valid JSON.';
  if (Object.keys(errors).length > 0) throw invalid(errors);
}

/**
 * Stores the rows of a call if the run takes them.
 *
 * @param name null for a word that is no output stream
 * @param beforeStored called just before the rows are handed over
 * @throws {Refusal}
 * @throws {StorageFailure}
 */
export async function accept(
  run: Run,
  name: OutputName | null,
  rows: WrittenRows,
  beforeStored: (effect: Effect) => void,
): Promise<void> {
  if (name === null) throw new Refusal(ANSWERS.noStream);
  if (!run.hasOutput(name)) throw invalid({ type: 'This connector type does not write output.' });
  if (run.storageFailed) throw new Refusal(ANSWERS.internal);
  const stream = run.outputStream(name);
  const { flattener, staged } = rows;
  const call = { lines: flattener.lines, rows: flattener.rows, newColumns: flattener.newColumns };
  const note = (end: number): void => beforeStored({ on: name, end });
  try {
    await (staged ? stream.appendStaged(staged, call, note) : stream.append(call, note));
  } catch (error) {
    if (error instanceof OutputClosedError) throw new Refusal(failure(400, 'Output is closed.', {}));
    if (error instanceof TooManyColumnsError) throw invalid({ data: TOO_MANY_COLUMNS });
    throw error;
  }
}

/** Does a write; when its rows can not be stored, the run takes none any more (container-api.md 2.8). */
export async function orFailRun<T>(run: Run, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (!(error instanceof StorageFailure)) throw error;
    run.noteStorageFailure();
    throw new Refusal(ANSWERS.internal);
  }
}
