/** Runs a connector in a process of its own, which the test kills. Arguments: folder, engine, digest, run id, words. */
import { identityOf, makeEngine, run } from './support.ts';

const script = 'echo $$; sleep 987654 & exec sleep 987654';
const [root = '', name = '', digest = '', runId = '', words = `sh -c '${script}'`] = process.argv.slice(2);
const engine = await makeEngine(name as 'docker' | 'sandbox' | 'process', root);
await run(engine, root, digest, words, {
  identity: identityOf(runId),
  log: (_level, _source, message) => {
    process.stdout.write(`${message}\n`);
  },
});
