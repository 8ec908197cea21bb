/**
 * Settings of the embedded server: a small machine, shared with connectors at work. They are passed at every start, so that
 * a new release's settings reach an old home.
 *
 * @param durable false only for tests: a power cut may then damage the data
 */
export const serverOptions = ({ port, durable }: { port: number; durable: boolean }): string[] => [
  'listen_addresses=127.0.0.1',
  `port=${port}`,
  // Socket paths are limited to 107 bytes and a home may lie deeper.
  'unix_socket_directories=',
  'password_encryption=scram-sha-256',
  // Tests start many servers at once.
  `max_connections=${durable ? 60 : 200}`,
  'shared_buffers=128MB',
  'effective_cache_size=512MB',
  'work_mem=8MB',
  'maintenance_work_mem=64MB',
  'max_wal_size=512MB',
  'random_page_cost=1.1',
  // Short statements on few cores: compiling them and sharing them out costs more than it brings, and the shared memory
  // of a container is often too small for parallel work.
  'jit=off',
  'max_parallel_workers_per_gather=0',
  'max_parallel_maintenance_workers=0',
  'io_method=sync',
  'autovacuum_max_workers=2',
  'TimeZone=UTC',
  'log_timezone=UTC',
  'log_checkpoints=off',
  'log_line_prefix=%m [%p] ',
  ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off']),
];
