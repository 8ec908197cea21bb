/**
 * The way out of a run with an allow-list, as a process in a container: a proxy for the hosts of the list. Its variable
 * `WAY_OUT` is JSON: `hosts`, `refused` (ranges) and `port`.
 */
import { EgressPolicy } from '../egress.ts';
import { createEgressProxy } from '../run/egress-proxy.ts';

const { hosts, refused, port } = JSON.parse(process.env.WAY_OUT ?? '{}') as {
  hosts: string[];
  refused: string[];
  port: number;
};
process.on('SIGTERM', () => process.exit(0));
createEgressProxy(hosts, new EgressPolicy({ deny: refused })).listen(port, () => {
  process.stdout.write('listening\n');
});
