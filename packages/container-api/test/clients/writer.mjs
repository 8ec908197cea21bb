/**
 * Writes numbered calls of rows and notes each that was acknowledged. Started again it goes on behind the last one noted:
 * a call whose answer it never saw is sent once more with the same key, and a sidecar that is away is waited for.
 *
 * node writer.mjs <api> <file of acknowledged calls> <calls>
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [api, file, calls] = process.argv.slice(2);

const acknowledged = existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;

async function insist(path, key, body) {
  for (;;) {
    try {
      const headers = { 'Idempotency-Key': key };
      const answer = await fetch(api + path, { method: 'POST', headers, body: JSON.stringify(body) });
      if (answer.status === 201) return;
      throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await sleep(10);
    }
  }
}

for (let call = acknowledged; call < Number(calls); call++) {
  // Now and then so many rows that they are on their way for a while.
  const size = call % 15 === 0 ? 3000 : 1 + (call % 7);
  const data = Array.from({ length: size }, (_, row) => ({ call, row, [`c${call % 50}`]: 'x'.repeat(20) }));
  await insist('/output/output', `rows ${call}`, { data });
  await insist('/logs/info', `log ${call}`, { message: `call ${call}` });
  appendFileSync(file, `${call}\n`);
}
