/**
 * Runs inside a sandbox that has a network of its own, and carries the connector's calls out of it:
 *
 *     launcher.ts <folder of the sockets> <program> [arguments…]
 *
 * It listens where the connector expects the Container API, passes every connection on to a unix socket of the engine,
 * and starts the connector once it listens. It knows nothing of HTTP and decides nothing: the rules are outside.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { constants } from 'node:os';

/** File descriptor on which the engine is told that the connector could not be started. */
const REPORT_FD = 5;

/** Port inside by name of the socket outside; the same table stands in network.ts. */
const PORTS = { api: 80, egress: 3128 } as const;

function forward(socketPath: string, port: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const outside = connect({ path: socketPath, allowHalfOpen: true });
    client.pipe(outside).pipe(client);
    client.on('error', () => outside.destroy());
    outside.on('error', () => client.destroy());
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, '127.0.0.1', resolve);
  return promise;
}

async function main(folder: string, program: string, args: string[]): Promise<void> {
  for (const [name, port] of Object.entries(PORTS)) {
    if (existsSync(`${folder}/${name}`)) await forward(`${folder}/${name}`, port);
  }
  // The engine signals the whole group. This process has to outlive the connector, which still needs its connections.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const child = spawn(program, args, { stdio: 'inherit' });
  child.once('error', (error: NodeJS.ErrnoException) => fail(error));
  child.once('exit', (code, signal) => {
    process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0));
  });
}

function fail(error: NodeJS.ErrnoException): void {
  writeSync(REPORT_FD, JSON.stringify({ cause: error.code ?? error.message }));
  process.exit(127);
}

const [folder = '', program = '', ...args] = process.argv.slice(2);
main(folder, program, args).catch(fail);
