/**
 * A connector for tests that does what its form tells it. Fields: `mode` (`rows`, `echo`, `fail`, `sleep`, `none`),
 * `rows` (how many), `first` (id of the first one), `token` (a password, printed to see that it is masked).
 */
export const testScript = `
const api = process.env.CONTAINER_API_URL;
const { MODE = 'rows', ROWS = '3', FIRST = '1', TOKEN = '' } = process.env;
const call = async (method, path, body) => {
  const response = await fetch(api + path, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(path + ' answered ' + response.status);
  return response.status === 204 ? null : response.json();
};
console.log('mode ' + MODE + ' token ' + TOKEN);
console.error('on stderr');
await call('POST', '/logs/notice', { message: 'working as ' + MODE, context: { mode: MODE } });
if (MODE === 'rows' || MODE === 'fail') {
  const rows = Array.from({ length: Number(ROWS) }, (_, index) => {
    const id = Number(FIRST) + index;
    return id % 2 === 0 ? { id, title: 'Row ' + id, extra: 'x' } : { id, title: 'Row ' + id };
  });
  for (let at = 0; at < rows.length; at += 500) {
    await call('POST', '/output/output', { data: rows.slice(at, at + 500) });
  }
  await call('POST', '/output/feedback', { data: [{ id: FIRST, status: 'ok' }] });
}
if (MODE === 'echo') {
  for (;;) {
    const { data: rows } = await call('GET', '/input/input/next_batch?size=100');
    if (rows.length === 0) break;
    await call('POST', '/output/feedback', { data: rows.map((row) => ({ ...row, seen: 'yes' })) });
  }
}
if (MODE === 'sleep') await new Promise((resolve) => setTimeout(resolve, 60_000));
if (MODE === 'fail') process.exit(3);
`;

/** The fields of its form. */
export const testFields = [
  { option: 'mode', default: 'rows' },
  { option: 'rows', default: '3' },
  { option: 'first', default: '1' },
  { option: 'token', type: 'password' },
];
