import pino from 'pino';
import { runDemo } from './demo/demo.ts';
import { type Server, startServer } from './server.ts';
import { describeSettings, parseSettings, SettingsError } from './settings.ts';
import { welcome } from './welcome.ts';

// Whoever read our output may be gone before us; that must not keep the server from stopping in order.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const commands = { serve, settings: showSettings };

async function main(): Promise<void> {
  const [name = 'serve', ...rest] = process.argv.slice(2);
  const command = commands[name as keyof typeof commands];
  if (!command || rest.length > 0) {
    complain(`Unknown: ${[name, ...rest].join(' ')}. Use serve (default) or settings.`);
    process.exitCode = 2;
    return;
  }
  try {
    await command();
  } catch (error) {
    complain(
      error instanceof SettingsError ? error.message : `Slipway could not start. ${(error as Error).message}`,
    );
    if (process.env.SLIPWAY_LOG_LEVEL === 'debug') complain(String((error as Error).stack));
    process.exitCode = 1;
  }
}

async function showSettings(): Promise<void> {
  const { settings } = parseSettings(process.env);
  for (const { name, value, source } of describeSettings(settings))
    say(`${name}=${value ?? ''}  (${source})`);
}

async function serve(): Promise<void> {
  const { settings, warnings } = parseSettings(process.env);
  for (const warning of warnings) complain(warning);
  const log = pino({ level: settings.logLevel }, pino.destination(2));
  const server = await startServer(settings, log, say);
  stopOnSignal(server);
  await runDemo(server, say);
  say(await welcome(server));
}

/** The first signal stops in order; npm passes Ctrl-C on, so it may come twice at once. */
function stopOnSignal(server: Server): void {
  let stopping: number | null = null;
  const stop = async (): Promise<void> => {
    if (stopping !== null) {
      if (Date.now() - stopping > 1000) process.exit(130);
      return;
    }
    stopping = Date.now();
    say('Stopping …');
    await server.stop();
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

await main();
