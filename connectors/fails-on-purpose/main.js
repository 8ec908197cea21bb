/**
 * Example data source that fails: it writes a few rows, says what is wrong, and crashes. The rows stay with the run;
 * the site keeps what it had.
 */
const api = process.env.CONTAINER_API_URL ?? 'http://cde-container-api';

if (process.argv.includes('--health')) process.exit(0);

async function post(path, body) {
  const response = await fetch(`${api}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status !== 201) throw new Error(`${path} answered ${response.status}`);
}

await post('/output/output', { data: [{ id: '1', title: 'The only row' }] });
await post('/logs/error', { message: 'The shop does not answer.', context: { attempts: 3 } });
process.stderr.write('giving up after three attempts\n');
throw new Error('The shop does not answer.');
