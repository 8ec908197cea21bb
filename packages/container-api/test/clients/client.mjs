/** The four data flows with Node's fetch, rows as NDJSON where the API has it. */

const api = process.env.CONTAINER_API_URL;

async function call(method, path, { body, type = 'application/json', expect = 200 } = {}) {
  const headers = body === undefined ? {} : { 'content-type': type };
  const answer = await fetch(api + path, { method, headers, body, signal: AbortSignal.timeout(5000) });
  if (answer.status !== expect && answer.status !== 204) {
    throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
  }
  return answer;
}

const lines = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const write = (stream, rows) =>
  call('POST', `/output/${stream}`, { body: lines(rows), type: 'application/x-ndjson', expect: 201 });
const read = async (stream) =>
  (await (await call('GET', `/input/${stream}/stream`)).text())
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

const flows = {
  datasource: () =>
    write(
      'output',
      Array.from({ length: 120 }, (_, index) => ({ id: index + 1, price: '9.90', tags: ['a', 'b'] })),
    ),
  'data-service': async () =>
    write(
      'output',
      (await read('input')).map((row) => ({ ...row, label: 'seen' })),
    ),
  export: async () => {
    for (;;) {
      const answer = await call('GET', '/input/input/next');
      if (answer.status === 204) return;
      const { data } = await answer.json();
      await write('feedback', [{ ...data, status: 'ok' }]);
    }
  },
  'export-delta': async () => {
    for (const stream of ['new', 'modified', 'unchanged', 'deleted']) {
      const rows = await read(stream);
      // A call without rows is refused.
      if (rows.length === 0) continue;
      await write(
        'feedback',
        rows.map((row) => ({ ...row, change: stream })),
      );
    }
  },
};

await flows[process.argv[2]]();
const body = JSON.stringify({ message: 'done', context: { client: 'fetch' } });
await call('POST', '/logs/info', { body, expect: 201 });
await call('POST', '/output/output/close', { expect: 204 });
