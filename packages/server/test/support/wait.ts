import { setTimeout } from 'node:timers/promises';

/** Asks again and again until the answer is there. @throws when it takes longer than 20 seconds */
export async function until<T>(ask: () => Promise<T | null | undefined | false>): Promise<T> {
  const end = performance.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > end) throw new Error('It did not happen within 20 seconds.');
    await setTimeout(30);
  }
}
