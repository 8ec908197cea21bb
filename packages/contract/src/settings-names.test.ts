import { expect, test } from 'vitest';
import {
  asWrittenName,
  authenticationOptionName,
  environmentName,
  isReservedName,
  secretOptionName,
} from './settings-names.ts';

test.each([
  ['NAME', 'NAME', null],
  ['name', 'NAME', 'name'],
  ['should_fail', 'SHOULD_FAIL', 'should_fail'],
  ['access-key-id', 'ACCESS_KEY_ID', null],
  ['Api-Key_v2', 'API_KEY_V2', null],
  ['newColumn', 'NEWCOLUMN', 'newColumn'],
  [authenticationOptionName('refresh_token'), 'PUP_AUTH_REFRESH_TOKEN', null],
  [authenticationOptionName('ssl-cert'), 'PUP_AUTH_SSL_CERT', null],
  [authenticationOptionName('pup-auth-option-1'), 'PUP_AUTH_OPTION_1', null],
  [secretOptionName('amazon::seller', 'client_id'), 'AMAZON_SELLER_CLIENT_ID', null],
  [secretOptionName('google-io::shopping', 'key'), 'GOOGLE_IO_SHOPPING_KEY', null],
  [secretOptionName('mailer', 'user'), 'MAILER_USER', null],
  // Only ASCII letters change: the Turkish dotless i and ß must not turn into other names.
  ['ıß', '__', null],
  ['😀', '_', null],
])('%s becomes %s and %s', (option, variable, second) => {
  expect(environmentName(option)).toBe(variable);
  expect(asWrittenName(option)).toBe(second);
});

test.each([
  'path',
  'http-proxy',
  'ld-preload',
  'Pup_Auth_x',
  'slipway-run',
  'order',
  'authentication_select',
  'LC_ALL',
])('%s is reserved', (name) => {
  expect(isReservedName(name)).toBe(true);
});

test.each(['Order', 'paths', 'https_proxy', 'name', 'authentication-select'])('%s is free', (name) => {
  expect(isReservedName(name)).toBe(false);
});
