import type { Answer } from '../http/answers.ts';
import type { Call } from '../http/operation.ts';
import { type Effect, fingerprintOf } from '../idempotency.ts';

/**
 * Does a call at most once per `Idempotency-Key` (container-api.md 2.2).
 *
 * @param body the body with one more byte behind it, as it was received
 * @param perform does the call; hands the effect over just before it is stored
 */
export async function oncePerKey(
  call: Call,
  body: Buffer,
  perform: (record: (effect: Effect, answer: Answer) => void) => Promise<Answer>,
): Promise<Answer> {
  const key = call.request.headers['idempotency-key'] as string | undefined;
  const { path, queryText } = call;
  const print = () => fingerprintOf(call.request.method!, path, queryText, body.subarray(0, -1));
  const keyed = await call.run.keys.begin(key, print);
  if (keyed === null) return await perform(() => {});
  if ('status' in keyed) return keyed;
  let succeeded = false;
  try {
    const answer = await perform((effect, given) => keyed.record(effect, given));
    succeeded = true;
    return answer;
  } finally {
    keyed.finish(succeeded);
  }
}
