import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { ServerProcess } from './server-process.ts';

/**
 * A connector that writes numbered calls of rows, log lines, notifications and events, and notes each call once all of
 * it was acknowledged. It ends well when `<notes>.stop` is there, and prints how many calls it made.
 *
 * @param notes JavaScript that gives the path of the notes
 */
export const writingScript = (notes: string): string => `
  import { appendFileSync, existsSync } from 'node:fs';
  const notes = ${notes};
  const post = async (path, body) => {
    const response = await fetch(process.env.CONTAINER_API_URL + path, { method: 'POST', body: JSON.stringify(body) });
    if (response.status !== 201) throw new Error(path + ' answered ' + response.status);
  };
  let call = 0;
  for (; !existsSync(notes + '.stop'); call++) {
    // Now and then so many rows that they are on their way for a while.
    const size = call % 20 === 19 ? 200 : 1 + (call % 4);
    await post('/output/output', { data: Array.from({ length: size }, (_, row) => ({ call, row })) });
    const message = 'call ' + call;
    await post('/logs/info', { message });
    await post('/notifications/info', { message });
    await post('/event-log', { events: [{ code: 'INFO_CALL', message }] });
    appendFileSync(notes, call + '\\n');
  }
  console.log(call + ' calls');
`;

const sizeOf = (call: number): number => (call % 20 === 19 ? 200 : 1 + (call % 4));

/** How many calls the connector has noted. */
export const notedCalls = (notes: string): number =>
  existsSync(notes) ? readFileSync(notes, 'utf8').split('\n').length - 1 : 0;

/** A run, and where its messages are shown. */
export interface WritingRun {
  readonly run: string;
  readonly process: string;
  readonly site: number;
}

/**
 * What a connector wrote is there, all of it and once: rows, lines, notifications and events, in their order.
 *
 * @param calls how many there must be at least, and may be at most: what was on its way at a kill is there as a whole or not
 * at all
 * @param hint printed with a failure
 */
export async function expectEachOnce(
  server: ServerProcess,
  { run, process, site }: WritingRun,
  { from, to }: { readonly from: number; readonly to: number },
  hint: string,
): Promise<void> {
  const rows = await server.list<{ call: string; row: string }>(`/runs/${run}/output`);
  const calls = rows.length === 0 ? 0 : Number(rows.at(-1)!.call) + 1;
  const expectWithin = (what: string, count: number): void => {
    expect(count, `${what}, ${hint}`).toBeGreaterThanOrEqual(from);
    expect(count, `${what}, ${hint}`).toBeLessThanOrEqual(to);
  };
  expectWithin('calls with rows', calls);
  const written = Array.from({ length: calls }, (_, call) =>
    Array.from({ length: sizeOf(call) }, (_row, row) => `${call} ${row}`),
  ).flat();
  expect(
    rows.map(({ call, row }) => `${call} ${row}`),
    hint,
  ).toEqual(written);

  const lines = await server.list<{ message: string }>(`/runs/${run}/logs?source=application`);
  const ofSite = `/platform/sites/${site}`;
  const told = await server.list<{ message: string }>(`${ofSite}/notifications?process-id=${process}`);
  for (const [what, messages] of Object.entries({ lines, notifications: told.reverse() })) {
    expectWithin(what, messages.length);
    expect(
      messages.map(({ message }) => message),
      `${what}, ${hint}`,
    ).toEqual(messages.map((_message, call) => `call ${call}`));
  }
  const events = (await server.call('GET', `${ofSite}/errors?process-id=${process}`)).data;
  expectWithin('events', events[0]?.count ?? 0);
}
