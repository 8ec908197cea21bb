/**
 * Names under which a connector meets its settings (container-api.md 8.4) and the names it may not use
 * (cde-api.md 5.4).
 */

const RESERVED_PREFIXES = ['PUP_AUTH_', 'SLIPWAY_', 'LD_', 'DYLD_', 'LC_', 'BASH_'] as const;

const RESERVED_NAMES = new Set([
  'CONTAINER_API_URL',
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'PWD',
  'TERM',
  'TZ',
  'LANG',
  'TMPDIR',
  'HOSTNAME',
  'HTTP_PROXY',
  'NO_PROXY',
  'NODE_USE_ENV_PROXY',
  'IFS',
  'ENV',
  'NODE_OPTIONS',
  'PYTHONPATH',
  'PYTHONHOME',
  'PERL5LIB',
  'RUBYOPT',
  'JAVA_TOOL_OPTIONS',
  'PHP_INI_SCAN_DIR',
]);

const RESERVED_AS_WRITTEN = new Set(['order', 'authentication_select']);

/** Name pattern of a command option and of an additional authentication field. */
export const OPTION_NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;

/**
 * The environment variable of an option name: ASCII letters in upper case, every character outside `[A-Z0-9_]`
 * replaced by one `_`.
 *
 * @example environmentName('Api-Key_v2') // 'API_KEY_V2'
 */
export function environmentName(optionName: string): string {
  return optionName.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replace(/[^A-Z0-9_]/gu, '_');
}

/**
 * The second variable of an option, named as it is written, or null when that is no legal variable name or the
 * same as {@link environmentName}.
 *
 * @example asWrittenName('newColumn') // 'newColumn'
 * @example asWrittenName('access-key-id') // null
 */
export function asWrittenName(optionName: string): string | null {
  const legal = /^[A-Za-z_][A-Za-z0-9_]*$/.test(optionName);
  return legal && optionName !== environmentName(optionName) ? optionName : null;
}

/** Whether a command option may not be used: `This name is reserved.` */
export function isReservedName(commandOption: string): boolean {
  const name = environmentName(commandOption);
  return (
    RESERVED_AS_WRITTEN.has(commandOption) ||
    RESERVED_NAMES.has(name) ||
    RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix))
  );
}

/** Option name of an authentication field or of an additional authentication field. */
export function authenticationOptionName(field: string): string {
  return field.startsWith('pup-auth-') ? field : `pup-auth-${field}`;
}

/**
 * Option name of a secret's field.
 *
 * @param iniHeader the header of the secret, such as `google-io::shopping`
 * @example secretOptionName('amazon::seller', 'client_id') // 'amazon-seller-client_id'
 */
export function secretOptionName(iniHeader: string, field: string): string {
  return `${iniHeader.replaceAll('::', '-')}-${field}`;
}
