/** Runs a connector in a process of its own, as whatever user that is. Arguments: folder, engine, network. */
import { buildFiles, makeEngine, run } from './support.ts';

const [root = '', name = '', mode = ''] = process.argv.slice(2);
const engine = await makeEngine(name as 'docker' | 'sandbox' | 'process', root);
const digest = await buildFiles(engine, root, {
  'main.py':
    'import urllib.request, os\nprint(urllib.request.urlopen("http://cde-container-api/x").status, os.getuid())\n',
});
const ran = await run(engine, root, digest, '/usr/bin/python3 main.py', {
  network: { mode: mode as 'open' | 'none' },
});
process.stdout.write(JSON.stringify({ failure: ran.result.failure, lines: ran.lines, calls: ran.calls }));
