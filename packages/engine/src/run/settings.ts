import { asWrittenName, environmentName } from '@slipway/contract';

/** What a connector is told about its run (container-api.md 8.4, context variables). */
export interface RunIdentity {
  readonly runId: string;
  readonly processId: string;
  readonly siteId: number;
  readonly connectorId: string;
  readonly connectorVersion: string;
  readonly environment: 'dev' | 'prod';
  readonly stage: 'import' | 'intermediate' | 'export';
}

/** One setting with a value; settings without one are not in the list at all (container-api.md 8.4). */
export interface SettingValue {
  /** Option name: `bucket`, `pup-auth-token`, `amazon-seller-client_id`. */
  readonly name: string;
  readonly value: string;
}

/** Settings of a run, each list in the order in which options are passed. */
export interface RunSettings {
  readonly mode: 'as-env-variables' | 'as-command-options';
  /** Individual configuration by `order`, then name. */
  readonly individual: readonly SettingValue[];
  readonly authentications: readonly SettingValue[];
  readonly secrets: readonly SettingValue[];
}

/** The kernel takes no single text over 128 KiB in an environment or a command line, its closing zero included. */
export const MAX_VALUE_BYTES = 128 * 1024;
/** All settings together (container-api.md 8.4). */
export const MAX_SETTINGS_BYTES = 1024 * 1024;

/** Thrown when the settings can not be passed to a process. */
export class SettingsTooLargeError extends Error {
  override readonly name = 'SettingsTooLargeError';

  constructor() {
    super('The configuration is too large to be passed to the connector.');
  }
}

/** Addresses and folders as the connector sees them. */
export interface RunPlace {
  readonly containerApiUrl: string;
  readonly exchangeFolder: string;
  /** `PATH`, `LANG`, `HOME` and `TMPDIR` where the engine decides about them and not an image. */
  readonly surroundings: Readonly<Record<string, string>>;
  /** Proxy variables, where the fixed name of the sidecar does not resolve or outgoing calls need a proxy. */
  readonly proxy: Readonly<Record<string, string>>;
}

/**
 * Options of a run in the mode `as-command-options`, one word each; none in the other mode.
 *
 * @throws {SettingsTooLargeError}
 */
export function settingOptions(settings: RunSettings): string[] {
  if (settings.mode !== 'as-command-options') return [];
  const ordered = [...settings.individual, ...settings.authentications, ...settings.secrets];
  const options = ordered.map(({ name, value }) => `--${name}=${value}`);
  checkSizes(options);
  return options;
}

/**
 * The complete environment of a connector.
 *
 * Where names meet, context variables win over secrets, these over authentications, these over the individual
 * configuration, and that over the variables of the image. The second, as-written name of a setting replaces
 * nothing but a variable of the image.
 *
 * @throws {SettingsTooLargeError}
 */
export function runEnvironment(
  settings: RunSettings,
  identity: RunIdentity,
  place: RunPlace,
  imageVariables: Readonly<Record<string, string>>,
): Record<string, string> {
  // Later groups win, so they stand in reverse order of precedence.
  const groups =
    settings.mode === 'as-env-variables'
      ? [settings.individual, settings.authentications, settings.secrets]
      : [];
  const primary: Record<string, string> = Object.create(null);
  const written: Record<string, string> = Object.create(null);
  for (const { name, value } of groups.flat()) {
    primary[environmentName(name)] = value;
    const second = asWrittenName(name);
    if (second !== null) written[second] = value;
  }
  const environment = { ...imageVariables, ...written, ...primary, ...contextVariables(identity, place) };
  checkSizes(Object.entries({ ...written, ...primary }).map(([name, value]) => `${name}=${value}`));
  return environment;
}

function contextVariables(identity: RunIdentity, place: RunPlace): Record<string, string> {
  return {
    CONTAINER_API_URL: place.containerApiUrl,
    SLIPWAY_RUN_ID: identity.runId,
    SLIPWAY_PROCESS_ID: identity.processId,
    SLIPWAY_SITE_ID: String(identity.siteId),
    SLIPWAY_CONNECTOR_ID: identity.connectorId,
    SLIPWAY_CONNECTOR_VERSION: identity.connectorVersion,
    SLIPWAY_ENVIRONMENT: identity.environment,
    SLIPWAY_STAGE: identity.stage,
    SLIPWAY_EXCHANGE_DIR: place.exchangeFolder,
    TZ: 'UTC',
    ...place.surroundings,
    ...place.proxy,
  };
}

function checkSizes(texts: readonly string[]): void {
  const sizes = texts.map((text) => Buffer.byteLength(text) + 1);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > MAX_SETTINGS_BYTES || sizes.some((size) => size > MAX_VALUE_BYTES))
    throw new SettingsTooLargeError();
}
