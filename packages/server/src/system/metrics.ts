import { timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { sql } from 'kysely';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from '../database/database.ts';
import { sha256 } from '../ids.ts';
import type { Settings } from '../settings.ts';
import { queuedWork } from './queued-work.ts';

/** Measurements of this process, and of the queue that all share. */
export interface Metrics {
  /** Counts an answer. @param operation its id; null for requests that reached none */
  answered(operation: string | null, status: number, milliseconds: number): void;
  /** Everything in the text format of Prometheus. */
  text(): Promise<string>;
}

/** @param pool connections to the database */
export function createMetrics(
  db: Database,
  pool: { totalCount: number; idleCount: number; waitingCount: number },
): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'slipway_http_request_duration_seconds',
    help: 'Requests by operation and status, and how long they took.',
    labelNames: ['operation', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  new Gauge({
    name: 'slipway_database_connections',
    help: 'Connections of this process to the database; waiting: requests without one.',
    labelNames: ['state'] as const,
    registers,
    collect() {
      this.set({ state: 'used' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'waiting' }, pool.waitingCount);
    },
  });
  const work = new Gauge({
    name: 'slipway_work',
    help: 'Builds, runs, processes and other background work that waits or runs.',
    labelNames: ['kind', 'status'] as const,
    registers,
  });
  const waiting = new Gauge({
    name: 'slipway_work_longest_wait_seconds',
    help: 'How long the oldest waiting work has waited.',
    labelNames: ['kind'] as const,
    registers,
  });
  const deliveries = new Gauge({
    name: 'slipway_webhook_deliveries_pending',
    help: 'Webhook deliveries that wait for an attempt.',
    registers,
  });
  return {
    answered(operation, status, milliseconds) {
      requests.observe({ operation: operation ?? 'none', status }, milliseconds / 1000);
    },
    async text() {
      const { rows } = await sql<{ kind: string; status: string; count: number; seconds: number }>`
        SELECT q.kind, q.status, count(*) AS count,
          extract(epoch FROM now() - min(q.created_at))::float8 AS seconds
        FROM ${queuedWork} q GROUP BY q.kind, q.status`.execute(db);
      for (const kind of ['build', 'run', 'process', 'state']) {
        for (const status of ['queued', 'running']) {
          const row = rows.find((one) => one.kind === kind && one.status === status);
          work.set({ kind, status }, row?.count ?? 0);
          if (status === 'queued') waiting.set({ kind }, row?.seconds ?? 0);
        }
      }
      const pending = await sql<{ count: number }>`
        SELECT count(*) AS count FROM webhook_deliveries WHERE status = 'pending'`.execute(db);
      deliveries.set(pending.rows[0]?.count ?? 0);
      return registry.metrics();
    },
  };
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * May the request read the metrics without being an admin's (5.18)? With `SLIPWAY_METRICS_TOKEN`, or, while that is not
 * set, from this machine. What a proxy on this machine passes on does not come from it.
 */
export function mayReadMetrics({ metricsToken }: Settings, { headers, ip, socket }: FastifyRequest): boolean {
  if (metricsToken !== null) {
    const token = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    return token !== undefined && timingSafeEqual(sha256(token), sha256(metricsToken));
  }
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false;
  return [ip, socket.remoteAddress ?? ''].every(
    (address) => isIP(address) !== 0 && loopback.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6'),
  );
}
