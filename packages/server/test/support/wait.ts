import { setTimeout } from 'node:timers/promises';

/**
 * Asks again and again until the answer satisfies `done`. The patience is for slow machines, no measure of speed.
 *
 * @throws with the last answer when it takes longer
 */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  done: (value: T) => boolean,
  seconds = 30,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const value = await ask();
    if (done(value)) return value;
    if (performance.now() > end)
      throw new Error(`It did not come to that within ${seconds} s: ${JSON.stringify(value)}`);
    await setTimeout(30);
  }
}

/** Asks again and again until the answer is there. */
export const until = async <T>(ask: () => Promise<T | null | undefined | false>): Promise<T> =>
  (await eventually(ask, Boolean)) as T;
