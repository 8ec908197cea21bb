/** Runs a connector in a process of its own, which the test kills. Arguments: folder, engine, digest, run id. */
import { identityOf, makeEngine, run } from './support.ts';

const [root = '', name = '', digest = '', runId = ''] = process.argv.slice(2);
const engine = await makeEngine(name as 'docker' | 'sandbox' | 'process', root);
const script = 'echo $$; sleep 987654 & exec sleep 987654';
await run(engine, root, digest, `sh -c '${script}'`, {
  identity: identityOf(runId),
  log: (_level, _source, message) => {
    process.stdout.write(`${message}\n`);
  },
});
