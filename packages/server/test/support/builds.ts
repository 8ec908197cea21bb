import { configured, type TestConnector } from './connectors.ts';
import type { TestServer, TestUser } from './server.ts';
import { until } from './wait.ts';

/** A version whose builds run `sh main.sh`, but for its repository. */
export const runnable = { ...configured, command: 'sh', arguments: 'main.sh' } as const;

/** What the tests of builds ask a server for, as one user. */
export function buildCalls(server: TestServer, user: TestUser) {
  const get = async (path: string) => (await server.request('GET', path, { token: user.token })).body;
  const state = async (id: string) => (await get(`/states/${id}`)).data;
  return {
    get,
    state,
    /** Starts a build; `id` is the one of its state. */
    async trigger(
      connector: TestConnector,
      more: object = {},
    ): Promise<{ status: number; id: string; body: unknown }> {
      const answer = await server.request('POST', '/builds/connectors', {
        token: user.token,
        body: { connector: connector.id, ...more },
      });
      return { status: answer.status, id: answer.body?.data?.state?.uuid, body: answer.body };
    },
    /** The state of a build that has ended. */
    settled: (id: string) =>
      until(async () => {
        const found = await state(id);
        return found.status !== 'pending' && found;
      }),
  };
}
