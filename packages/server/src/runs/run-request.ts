import { readSummary, runFolder } from '@slipway/container-api';
import { secretOptionName } from '@slipway/contract';
import { DEFAULT_RUN_LIMITS, type NetworkPolicy, type RunRequest, type SettingValue } from '@slipway/engine';
import { openSecretsAt } from '../secrets/registrations.ts';
import type { Services } from '../services.ts';
import type { ClaimedRun } from './claimed-run.ts';
import type { RunSpec } from './new-run.ts';
import type { RunJournal } from './run-journal.ts';
import type { RunValue } from './settings-of-run.ts';
import { sidecarConfig } from './sidecar-config.ts';

/** All settings of a run, in clear. They never leave the worker but for the connector. */
export interface OpenSettings {
  individual: SettingValue[];
  secrets: SettingValue[];
  /** What must not show in logs and records. */
  secretValues: string[];
  folder: string;
  bucketFolder: string | null;
}

/** @throws when a sealed value can not be opened */
export async function openSettings(services: Services, run: ClaimedRun): Promise<OpenSettings> {
  const { db, vault, storage } = services;
  const sealed: RunValue[] =
    run.sealedValues === null ? [] : (JSON.parse(await vault.open(db, run.sealedValues)) as RunValue[]);
  const individual = inOrder(run.spec.options, [...run.values, ...sealed]);
  const secrets = (await openSecretsAt(db, vault, run.spec.secrets)).flatMap(({ ini_header, fields }) =>
    fields.map(({ name, value }) => ({ name: secretOptionName(ini_header, name), value })),
  );
  return {
    individual,
    secrets,
    secretValues: [...sealed, ...secrets].map(({ value }) => value),
    folder: await storage.folder('runs', run.id),
    bucketFolder: run.spec.bucket === null ? null : await storage.folder('buckets', run.spec.bucket),
  };
}

/** Plain and sealed values lie in two places; together they have the order of the form again. */
function inOrder(options: readonly string[], values: readonly RunValue[]): SettingValue[] {
  const place = new Map(options.map((option, index) => [option, index]));
  return values
    .toSorted((a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0))
    .map(({ name, value }) => ({ name, value }));
}

/** What the engine is asked to do. */
export function requestOf(
  services: Services,
  run: ClaimedRun,
  settings: OpenSettings,
  journal: RunJournal,
): Omit<RunRequest, 'signal' | 'detach' | 'onStarted'> {
  const { spec } = run;
  const folder = runFolder(settings.folder);
  return {
    identity: run.identity,
    digest: run.digest,
    command: spec.command,
    arguments: spec.arguments,
    settings: {
      mode: spec.mode,
      individual: settings.individual,
      authentications: [],
      secrets: settings.secrets,
    },
    limits: { ...DEFAULT_RUN_LIMITS, ...spec.limits, processes: services.settings.runPids },
    network: networkOf(spec),
    exchangeFolder: folder.exchange,
    startSidecar: (listen) => journal.startSidecar(listen),
    sidecar: {
      folder: settings.folder,
      bucketFolder: settings.bucketFolder,
      journal: folder.log,
      image: spec.containerApiImage ?? null,
      secretValues: settings.secretValues,
      config: (paths, listen) => sidecarConfig(services, run, paths, listen),
      readSummary: () => readSummary(folder),
    },
    log: journal.sink,
    mask: journal.masker.mask,
    maskStream: () => journal.masker.stream(),
  };
}

function networkOf({ network, allowList }: Pick<RunSpec, 'network' | 'allowList'>): NetworkPolicy {
  return network === 'allow-list' ? { mode: network, hosts: allowList } : { mode: network };
}
