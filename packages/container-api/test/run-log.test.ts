import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMasker, type LogEntry, RunLog, type RunLogOptions, readLog } from '../src/index.ts';
import { temporaryFolder } from './test-run.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => ({ folder, remove } = await temporaryFolder()));
afterEach(() => remove());

const options = (changes: Partial<RunLogOptions> = {}): RunLogOptions => ({
  masker: createMasker(['hunter22']),
  limitBytes: 200 * 1024 ** 2,
  now: () => new Date('2026-05-11T14:12:31.123Z'),
  ...changes,
});
const path = () => join(folder, 'log.ndjson');
const entry = (message: string, level: 'info' | 'error' = 'info') =>
  ({ level, source: 'application', message }) as const;

test('an entry is one masked line with number, time and severity', async () => {
  const log = await RunLog.open(path(), options());
  await log.append({
    level: 'success',
    source: 'application',
    message: 'pw hunter22',
    context: { hunter22: ['x hunter22'] },
  });
  await log.close();
  expect(await readFile(path(), 'utf8')).toBe(
    '{"number":1,"time":"2026-05-11T14:12:31.123+00:00","level":"success","severity":6,"source":"application",' +
      '"message":"pw ***","context":{"***":["x ***"]}}\n',
  );
});

test('numbers go on without gaps after a torn tail, at whichever byte it was torn', async () => {
  const log = await RunLog.open(path(), options());
  await log.append(entry('one'));
  await log.append(entry('two'));
  await log.close();
  const { length } = await readFile(path());
  const second = length / 2;
  for (let cut = length - 1; cut > second; cut -= 7) {
    await truncate(path(), cut);
    const again = await RunLog.open(path(), options());
    expect(again.lastNumber).toBe(1);
    await again.append(entry('two'));
    await again.close();
    const { entries } = await readLog(path());
    expect(entries.map(({ number, message }) => [number, message])).toEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
  }
});

test('a reader follows from a byte on and leaves what is not complete', async () => {
  const log = await RunLog.open(path(), options());
  await Promise.all([1, 2, 3].map((n) => log.append(entry(`m${n}`))));
  const first = await readLog(path());
  expect(first.entries.map(({ message }) => message)).toEqual(['m1', 'm2', 'm3']);
  await log.append(entry('x'.repeat(5000)));
  await log.append(entry('last'));
  // An entry that is larger than what is read at once is still read whole.
  const part = await readLog(path(), first.offset, 1000);
  expect(part.entries.map(({ number }) => number)).toEqual([4, 5]);
  expect(await readLog(path(), part.offset)).toEqual({ entries: [], offset: part.offset });
  await log.close();
  expect(await readLog(join(folder, 'none'))).toEqual({ entries: [], offset: 0 });
});

test('messages and contexts are cut at 64 KiB between characters, NUL is replaced', async () => {
  const log = await RunLog.open(path(), options());
  await log.append(entry('ü'.repeat(40_000)));
  await log.append({ ...entry('a\0b'), context: { 'k\0': 'v\0\\u0000', small: 1 } });
  await log.append({ ...entry('c'), context: { first: 1, second: 'x'.repeat(100_000), third: 3 } });
  await log.append({ ...entry('d'), context: { list: Array.from({ length: 50_000 }, (_, index) => index) } });
  await log.close();
  const [cut, nul, long, list] = (await readLog(path())).entries as [LogEntry, LogEntry, LogEntry, LogEntry];
  expect(cut.message).toBe('ü'.repeat(32_768));
  expect([nul.message, nul.context]).toEqual(['a\ufffdb', { 'k\ufffd': 'v\ufffd\\u0000', small: 1 }]);
  expect(Object.keys(long.context)).toEqual(['first', 'second']);
  expect(Buffer.byteLength(JSON.stringify(long.context))).toBeLessThanOrEqual(64 * 1024);
  expect(list.context).toEqual({});
});

test('beyond the limit entries below warning are dropped, and one entry says so', async () => {
  const log = await RunLog.open(path(), options({ limitBytes: 2000 }));
  for (let index = 0; index < 50; index++) await log.append(entry(`info ${index}`));
  await log.append(entry('still here', 'error'));
  await log.close();
  const { entries } = await readLog(path());
  const last = entries.slice(-2).map(({ level, message }) => [level, message]);
  expect(last).toEqual([
    ['warning', 'The log is larger than 0 MiB: entries below warning are dropped from here on.'],
    ['error', 'still here'],
  ]);
  expect(entries.map(({ number }) => number)).toEqual(entries.map((_, index) => index + 1));
  const again = await RunLog.open(path(), options({ limitBytes: 2000 }));
  await again.append(entry('dropped'));
  await again.close();
  expect((await readLog(path())).entries).toHaveLength(entries.length);
});

test('entries that nobody waits for are stored in order', async () => {
  const log = await RunLog.open(path(), options());
  for (let index = 0; index < 20_000; index++) await log.write(entry(`line ${index}`));
  await log.close();
  let [offset, count] = [0, 0];
  for (
    let part = await readLog(path(), offset);
    part.entries.length > 0;
    part = await readLog(path(), offset)
  ) {
    for (const { message } of part.entries) expect(message).toBe(`line ${count++}`);
    ({ offset } = part);
  }
  expect(count).toBe(20_000);
});
