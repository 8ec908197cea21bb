import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the project, wherever a script was called from. */
export const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');

/** The Node that comes with the project. The scripts here run before it is there, on whatever Node the machine has. */
export const nodeProgram = join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

/** The environment with the project's Node and tools in front, as inside `npm run`. */
export const projectEnvironment = () => ({
  ...process.env,
  PATH: [
    join(root, 'node_modules', 'node', 'bin'),
    join(root, 'node_modules', '.bin'),
    process.env.PATH ?? '',
  ].join(delimiter),
});
