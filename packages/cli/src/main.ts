import { EXIT, ownProcess } from '@slipway/container-api';
import { CommanderError } from 'commander';
import { slipway } from './program.ts';

try {
  await slipway(ownProcess(), (code) => {
    process.exitCode = code;
  }).parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has written what there is to say; asking for help is no mistake.
  process.exitCode = error.exitCode === 0 ? EXIT.well : EXIT.wrongUse;
}
// What is left open, such as the standard input, must not keep an ended command alive.
process.exit();
