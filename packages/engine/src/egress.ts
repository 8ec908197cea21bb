import { lookup } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * Which addresses outgoing connections may reach (product.md 7): loopback, link-local and metadata addresses are
 * refused, and what the setting SLIPWAY_EGRESS_DENY names. A name is resolved once; the address that was checked
 * is the one to connect to, so that a second look-up can not lead elsewhere.
 */
export interface EgressOptions {
  /** Further refused ranges: addresses or CIDR, such as `10.0.0.0/8`. */
  readonly deny?: readonly string[];
  /** Lets loopback addresses through, for tests and for the demo's own services. */
  readonly allowLoopback?: boolean;
}

/** Thrown when an address is refused or a name has none. The message names the host as it was written. */
export class EgressError extends Error {
  override readonly name = 'EgressError';
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const ALWAYS_REFUSED = [
  // "This host" and unspecified: Linux connects them to the loopback interface.
  '0.0.0.0/8',
  '::/128',
  // Link-local, which also holds the metadata service of the clouds.
  '169.254.0.0/16',
  'fe80::/10',
  // Metadata services outside the link-local ranges (Alibaba, Azure's wire server, AWS and Oracle over IPv6).
  '100.100.100.200/32',
  '168.63.129.16/32',
  'fd00:ec2::254/128',
  'fd00:c1::a9fe:a9fe/128',
  // Multicast and broadcast reach neighbours, never a server.
  '224.0.0.0/4',
  '255.255.255.255/32',
  'ff00::/8',
];

/** Decides about addresses. Made once per set of options. */
export class EgressPolicy {
  readonly #blocked = new BlockList();
  /** The refused ranges, addresses or CIDR, for firewalls that are to say the same. */
  readonly refused: readonly string[];

  /** @throws {EgressError} when a range in `deny` can not be read */
  constructor(options: EgressOptions = {}) {
    const ranges = [...ALWAYS_REFUSED, ...(options.allowLoopback ? [] : LOOPBACK), ...(options.deny ?? [])];
    this.refused = ranges;
    for (const range of ranges) addRange(this.#blocked, range);
  }

  /** Whether a numeric address may be connected to. IPv6 forms of an IPv4 address count as that address. */
  allows(address: string): boolean {
    const plain = address.replace(/%.*$/, '');
    const family = isIP(plain);
    if (family === 0) return false;
    if (family === 4) return !this.#blocked.check(plain, 'ipv4');
    const embedded = embeddedIpv4(plain);
    return !this.#blocked.check(plain, 'ipv6') && (embedded === null || this.allows(embedded));
  }

  /**
   * Resolves a host and answers with the addresses to connect to.
   *
   * @throws {EgressError} when the name does not resolve, or any of its addresses is refused: a name that mixes
   * allowed and refused addresses is an attempt at rebinding
   */
  async resolve(host: string): Promise<string[]> {
    const bare = host.replace(/^\[|\]$/g, '');
    const addresses = isIP(bare) ? [bare] : await resolveName(bare);
    if (addresses.some((address) => !this.allows(address))) {
      throw new EgressError(`The address of ${host} is not allowed.`);
    }
    return addresses;
  }

  /** The same as a look-up for Node's sockets: what it answers is what is connected to. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.resolve(host).then(
      (addresses) => {
        const all = addresses.map((address) => ({ address, family: isIP(address) }));
        if (options.all) callback(null, all);
        else callback(null, all[0]?.address ?? '', all[0]?.family);
      },
      (error: Error) => callback(error, '', 0),
    );
  };
}

async function resolveName(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map((entry) => entry.address);
  } catch {
    throw new EgressError(`Could not resolve host: ${host}`);
  }
}

function addRange(list: BlockList, range: string): void {
  const [network, prefix] = range.split('/');
  const family = isIP(network ?? '');
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
  if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) {
    throw new EgressError(`Not an address range: ${range}`);
  }
  list.addSubnet(network!, bits, family === 4 ? 'ipv4' : 'ipv6');
}

/** The IPv4 address inside a mapped (`::ffff:0:0/96`) or NAT64 (`64:ff9b::/96`) IPv6 address. */
function embeddedIpv4(address: string): string | null {
  // The URL parser writes every spelling of an IPv6 address in one canonical form.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const match = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!match) return null;
  const [high, low] = [Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
