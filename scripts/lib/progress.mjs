/**
 * Shows that something long is under way: on a terminal one line that counts the seconds, elsewhere a line at the beginning,
 * one every ten seconds and one at the end.
 *
 * @param {string} what for example "Installing dependencies"
 * @param {NodeJS.WriteStream} stream
 * @returns {(outcome: string) => void} call it at the end with what came of it
 */
export function showProgress(what, stream = process.stderr) {
  const begin = Date.now();
  const seconds = () => Math.round((Date.now() - begin) / 1000);
  const terminal = Boolean(stream.isTTY);
  stream.write(terminal ? `${what} …` : `${what} …\n`);
  const timer = setInterval(
    () => stream.write(terminal ? `\r\x1b[K${what} … ${seconds()} s` : `${what} … ${seconds()} s\n`),
    terminal ? 1_000 : 10_000,
  );
  return (outcome) => {
    clearInterval(timer);
    stream.write(
      terminal ? `\r\x1b[K${what}: ${outcome} (${seconds()} s)\n` : `${what}: ${outcome} (${seconds()} s)\n`,
    );
  };
}
