import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { nodeProgram, projectEnvironment, root } from './project.mjs';

/** Ctrl-C reaches a script twice, from the terminal and passed on by npm; the two come together. */
const sameKeypress = 300;

/** After the second Ctrl-C: how long what was started may take to go by itself. */
const lastWords = 2_000;

/**
 * Runs the project's Node with the terminal's input and output and waits for its end. The first Ctrl-C (or SIGTERM, SIGHUP)
 * asks it to stop, the second makes it stop at once.
 *
 * The child stands in a process group of its own and hears of signals only from here, so that each keypress counts once.
 *
 * @param {string[]} args
 * @param {{ environment?: Record<string, string | undefined> }} options
 * @returns {Promise<{ code: number; stopped: boolean }>} stopped = it was asked to, and went by itself
 */
export function runNode(args, { environment = {} } = {}) {
  const child = spawn(nodeProgram, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...projectEnvironment(), ...environment },
    detached: process.platform !== 'win32',
  });
  let last = 0;
  let asked = 0;
  const pass = (signal) => {
    const now = Date.now();
    if (now - last < sameKeypress) return;
    last = now;
    asked += 1;
    child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
    if (asked === 2) setTimeout(() => endGroup(child), lastWords).unref();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of signals) process.off(name, pass);
      if (signal !== null) endGroup(child);
      resolve({ code: code ?? 128 + constants.signals[signal], stopped: asked === 1 && signal === null });
    });
  });
}

/** Whatever the child started and left behind in its group. */
function endGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing is left of the group.
  }
}
