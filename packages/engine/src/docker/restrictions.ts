import type { HostConfig } from 'dockerode';
import type { RunLimits } from '../engine.ts';

/**
 * What every container of a connector is denied, health checks included: privileges, capabilities, other namespaces, more
 * memory than its limit in swap, and more processes, processor time or larger files than its limits. The daemon's own
 * filter of system calls stays on.
 */
export function restrictions(limits: Omit<RunLimits, 'timeoutSeconds'>): HostConfig {
  const memory = limits.memoryMb * 1024 ** 2;
  return {
    Init: true,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    Privileged: false,
    IpcMode: 'private',
    Memory: memory,
    MemorySwap: memory,
    NanoCpus: Math.round(limits.cpus * 1e9),
    PidsLimit: limits.processes,
    Ulimits: [
      { Name: 'core', Soft: 0, Hard: 0 },
      { Name: 'fsize', Soft: limits.exchangeBytes, Hard: limits.exchangeBytes },
    ],
    RestartPolicy: { Name: 'no' },
    // Raw bytes, in order and with their times; the older format of the daemon breaks characters where it cuts lines.
    LogConfig: { Type: 'local', Config: { 'max-size': '512m', 'max-file': '2', compress: 'false' } },
  };
}
