import pino from 'pino';
import { resetPasswordCommand } from './commands/reset-password.ts';
import { rotateKeysCommand } from './commands/rotate-keys.ts';
import { runDemo } from './demo/demo.ts';
import { startServer } from './server.ts';
import { describeSettings, parseSettings, type Settings, SettingsError } from './settings.ts';
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

const usage = 'Use serve (default), settings, keys rotate or user reset-password <email>.';

/** What the words of the command line ask for; null when they ask for nothing there is. */
function commandOf([name = 'serve', ...rest]: readonly string[]): (() => Promise<void>) | null {
  const [verb, argument] = rest;
  if (name === 'serve' && rest.length === 0) return serve;
  if (name === 'settings' && rest.length === 0) return showSettings;
  if (name === 'keys' && verb === 'rotate' && rest.length === 1) {
    return beside((settings) => rotateKeysCommand(settings, say));
  }
  if (name === 'user' && verb === 'reset-password' && argument !== undefined && rest.length === 2) {
    return beside((settings) => resetPasswordCommand(settings, say, argument));
  }
  return null;
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const command = commandOf(words);
  if (!command) {
    complain(`Unknown: ${words.join(' ')}. ${usage}`);
    process.exitCode = 2;
    return;
  }
  try {
    await command();
  } catch (error) {
    const { message } = error as Error;
    const starts = command === serve && !(error instanceof SettingsError);
    complain(starts ? `Slipway could not start. ${message}` : message);
    if (process.env.SLIPWAY_LOG_LEVEL === 'debug') complain(String((error as Error).stack));
    process.exitCode = 1;
  }
}

/** A command that does one thing beside the servers; what did not go all well is told by the exit code 1. */
const beside = (command: (settings: Settings) => Promise<boolean>) => async (): Promise<void> => {
  const { settings, warnings } = parseSettings(process.env);
  for (const warning of warnings) complain(warning);
  if (!(await command(settings))) process.exitCode = 1;
};

async function showSettings(): Promise<void> {
  const { settings } = parseSettings(process.env);
  for (const { name, value, source } of describeSettings(settings))
    say(`${name}=${value ?? ''}  (${source})`);
}

async function serve(): Promise<void> {
  const { settings, warnings } = parseSettings(process.env);
  for (const warning of warnings) complain(warning);
  const log = pino({ level: settings.logLevel }, pino.destination(2));
  const signals = awaitStop();
  const server = await startServer(settings, log, say);
  void signals.first.then(async () => {
    say('Stopping …');
    await server.stop();
    process.exit(0);
  });
  try {
    await runDemo(server, say);
  } catch (error) {
    if (signals.received) return;
    complain(`The demo could not be finished, the next start goes on with it: ${(error as Error).message}`);
  }
  if (!signals.received) say(await welcome(server));
}

/**
 * The first signal stops in order, also one that comes while the server starts: what was started by then is stopped
 * too. npm passes Ctrl-C on, so it may come twice at once; one that comes later ends everything at once.
 */
function awaitStop(): { first: Promise<void>; readonly received: boolean } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let since: number | null = null;
  const onSignal = (): void => {
    if (since !== null && Date.now() - since > 1000) process.exit(130);
    since ??= Date.now();
    resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    first: promise,
    get received() {
      return since !== null;
    },
  };
}

await main();
