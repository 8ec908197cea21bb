import type { SidecarProcess } from './sidecar.ts';

/**
 * The process that this code runs in, as a sidecar sees it. `SIGTERM` says that the run is over, `SIGINT` (Ctrl-C), also
 * after `SIGTERM`, that it is given up.
 */
export function ownProcess(): SidecarProcess {
  // Whoever read the output may be gone; that must not end the run.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const finish = new AbortController();
  const cancel = new AbortController();
  process.on('SIGTERM', () => finish.abort());
  process.on('SIGINT', () => cancel.abort());
  return {
    say: (line) => void process.stdout.write(`${line}\n`),
    complain: (text) => void process.stderr.write(`${text}\n`),
    environment: process.env,
    stdin: process.stdin,
    finish: finish.signal,
    cancel: cancel.signal,
  };
}
