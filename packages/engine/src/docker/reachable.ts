import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { DockerHost } from './docker-host.ts';

/**
 * IPv4 ranges that no connector may reach, whatever its network policy: what the egress policy refuses, every address of
 * this machine, the networks of all containers, the control plane and its database.
 */
export async function refusedRanges({ docker, git, ownHosts }: DockerHost): Promise<string[]> {
  const own = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address),
  );
  const networks = await docker.listNetworks();
  const containers = networks.flatMap(({ IPAM }) =>
    (IPAM?.Config ?? []).map(({ Subnet }) => Subnet).filter((subnet) => subnet !== undefined),
  );
  const hosts = await Promise.all(ownHosts.map(addressesOf));
  const ranges = [...git.egress.refused, ...own, ...containers, ...hosts.flat()];
  return [...new Set(ranges.filter((range) => isIPv4(range.split('/')[0] ?? '')))];
}

async function addressesOf(host: string): Promise<string[]> {
  // A name that does not resolve here can be no address of ours.
  const found = await lookup(host, { all: true, family: 4 }).catch(() => []);
  return found.map(({ address }) => address);
}

/**
 * Name servers that the daemon hands to containers. They may lie in a refused range, and are reached for names alone.
 */
export async function nameServers(): Promise<string[]> {
  const files = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const found = texts.flatMap((text) =>
    [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!),
  );
  return [...new Set(found)].filter((address) => isIPv4(address) && !address.startsWith('127.'));
}
