import Docker from 'dockerode';

/** Time a daemon has to answer whether it is there, in milliseconds. */
const PING_TIMEOUT_MS = 3_000;

/**
 * A client of the Docker Engine API.
 *
 * @param host `unix:///path`, `tcp://host:port`, `http://host:port`, `https://host:port` or `ssh://user@host`
 */
export function dockerClient(host: string): Docker {
  if (host.startsWith('unix://')) return new Docker({ socketPath: host.slice('unix://'.length) });
  const { protocol, hostname, port, username } = new URL(host.replace(/^tcp:/, 'http:'));
  const name = protocol.slice(0, -1) as 'http' | 'https' | 'ssh';
  const standard = { http: 2375, https: 2376, ssh: 22 }[name];
  return new Docker({
    protocol: name,
    host: hostname,
    port: port === '' ? standard : Number(port),
    ...(username === '' ? {} : { username }),
  });
}

/**
 * Asks a daemon whether it is there.
 *
 * @throws when it does not answer; the message has no address in it
 */
export async function pingDocker(docker: Docker): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timeout = setTimeout(
    () => reject(new Error(`it did not answer within ${PING_TIMEOUT_MS / 1000} s`)),
    PING_TIMEOUT_MS,
  );
  docker.ping().then(() => resolve(), reject);
  await promise.finally(() => clearTimeout(timeout));
}

/** What a failed connection says about the other side. */
const AWAY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  EACCES: 'permission denied',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was broken off',
  EPIPE: 'the connection was broken off',
};

/** Why a daemon does not answer, in a few words; null when it did. */
export function awayReason(error: unknown): string | null {
  if (statusOf(error) !== null) return null;
  const { code = '', syscall } = (error ?? {}) as NodeJS.ErrnoException;
  // Files of our own can be missing too.
  return syscall === undefined || ['connect', 'read', 'write'].includes(syscall)
    ? (AWAY[code] ?? null)
    : null;
}

/** What the daemon said, in one line, without the library's words around it. */
export function dockerMessage(error: unknown): string {
  const away = awayReason(error);
  if (away !== null) return `the Docker Engine does not answer (${away})`;
  if (!(error instanceof Error)) return String(error);
  const said = (error as { json?: { message?: unknown } | null }).json?.message;
  const text = typeof said === 'string' ? said : error.message;
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

/** Whether the daemon answered that there is no such thing. */
export const isMissing = (error: unknown): boolean => statusOf(error) === 404;

/** HTTP status of a refusal, or null when the daemon did not answer at all. */
export const statusOf = (error: unknown): number | null =>
  (error as { statusCode?: number } | null)?.statusCode ?? null;

/** Removes something; that it is gone already, or just going, is no error. */
export async function removeQuietly(remove: () => Promise<unknown>): Promise<void> {
  await remove().catch((error: unknown) => {
    const status = statusOf(error);
    if (status !== 404 && status !== 409) throw error;
  });
}

/**
 * Posts to an address for which the library has no function. It wants the query apart: of an address that has one already it
 * drops the last character.
 *
 * @param isStream answers with the body as it comes, instead of its value
 * @throws what the daemon refuses, and when it does not answer
 */
export function post<Answer = unknown>(
  { modem }: Pick<Docker, 'modem'>,
  path: string,
  query: Readonly<Record<string, string | number>>,
  isStream = false,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const statusCodes = { 200: true, 204: true };
  modem.dial(
    { path: `${path}?`, method: 'POST', options: { _query: query, _body: {} }, statusCodes, isStream },
    (error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer as Answer)),
  );
  return promise;
}
