import { done, failure, ok, Refusal } from '../http/answers.ts';
import type { Operation } from '../http/operation.ts';

const WRITTEN = done(200, 'Written successfully.');
const NOT_FOUND = failure(404, 'Process not found.');

/** Storage processes: container-api.md 5.10 to 5.12. */
export const processOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/processes/pending',
    handle: async ({ run }) => ok('', run.processes.pending()),
  },
  {
    method: 'GET',
    path: '/processes/:uuid',
    handle: async (call) => {
      const found = await call.run.processes.get(call.parameter('uuid'));
      if (!found) throw new Refusal(NOT_FOUND);
      return ok('', found);
    },
  },
  {
    method: 'POST',
    path: '/processes/log',
    handle: async ({ run }) => {
      for await (const { id, status, 'exit-code': exitCode } of run.processes.all()) {
        await run.log.append({
          level: status === 'failed' ? 'error' : 'info',
          source: 'container-api',
          message: `Process ${id}: ${status}, exit code ${exitCode ?? 'none'}.`,
          context: { id, status, 'exit-code': exitCode },
        });
      }
      return WRITTEN;
    },
  },
];
