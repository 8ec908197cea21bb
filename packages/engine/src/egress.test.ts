import { expect, test } from 'vitest';
import { EgressError, EgressPolicy } from './egress.ts';

test.each([
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '169.254.169.254',
  '100.100.100.200',
  '::1',
  '::',
  'fe80::1',
  'fe80::1%eth0',
  'fd00:ec2::254',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::7f00:1',
  'not-an-address',
])('%s is refused', (address) => {
  expect(new EgressPolicy().allows(address)).toBe(false);
});

test.each(['93.184.216.34', '10.0.0.1', '192.168.1.1', '2606:4700::1111', '::ffff:8.8.8.8'])(
  '%s is allowed',
  (address) => {
    expect(new EgressPolicy().allows(address)).toBe(true);
  },
);

test('settings refuse more, and may let loopback through', () => {
  const policy = new EgressPolicy({ deny: ['10.0.0.0/8', '192.0.2.7'], allowLoopback: true });
  expect(policy.allows('127.0.0.1')).toBe(true);
  expect(policy.allows('169.254.169.254')).toBe(false);
  expect(policy.allows('10.2.3.4')).toBe(false);
  expect(policy.allows('192.0.2.7')).toBe(false);
  expect(policy.allows('192.0.2.8')).toBe(true);
  expect(() => new EgressPolicy({ deny: ['ten/8'] })).toThrow(new EgressError('Not an address range: ten/8'));
});

test('a name is checked by what it resolves to', async () => {
  await expect(new EgressPolicy().resolve('localhost')).rejects.toThrow(
    'The address of localhost is not allowed.',
  );
  await expect(new EgressPolicy().resolve('[::1]')).rejects.toThrow(EgressError);
  expect(await new EgressPolicy({ allowLoopback: true }).resolve('127.0.0.1')).toEqual(['127.0.0.1']);
});

test('as a look-up for sockets it answers with the checked address, or not at all', async () => {
  const look = (policy: EgressPolicy, all: boolean) =>
    new Promise((resolve) => {
      policy.lookup('localhost', { all, family: 4 }, (error, address) => resolve(error?.message ?? address));
    });
  expect(await look(new EgressPolicy(), false)).toBe('The address of localhost is not allowed.');
  expect(await look(new EgressPolicy({ allowLoopback: true }), false)).toMatch(/^(127\.0\.0\.1|::1)$/);
  expect(await look(new EgressPolicy({ allowLoopback: true }), true)).toContainEqual({
    address: '127.0.0.1',
    family: 4,
  });
});
