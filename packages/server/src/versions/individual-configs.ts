import { authenticationSelect, operations } from '@slipway/contract';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Database, Work } from '../database/database.ts';
import type { IndividualConfigs } from '../database/schema.ts';
import { badRequest, notFound, refused } from '../errors.ts';
import { changesBetween } from '../events/audit.ts';
import { requireBody } from '../http/body.ts';
import type { Input } from '../http/route.ts';
import { RawJson } from '../json.ts';
import { changeConfiguration, refuseUnlessChangeable } from './change-configuration.ts';
import { type IndividualBody, individualRules } from './individual-rules.ts';
import { individualsJson } from './representation.ts';
import type { VersionSubject } from './resolver.ts';
import type { VersionRow } from './store.ts';

type Field = Selectable<IndividualConfigs>;

/** `GET …/individual-configs` */
export async function listIndividualConfigs(
  context: Context,
  { subject }: Input<typeof operations.connectorIndividualConfigList>,
): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT ${individualsJson}::text AS json FROM connector_versions v WHERE v.id = ${subject.id}`.execute(
    context.db,
  );
  return new RawJson(rows[0]?.json ?? '[]');
}

/** `POST …/individual-configs` */
export async function addIndividualConfig(
  context: Context,
  { subject, body }: Input<typeof operations.connectorIndividualConfigAdd>,
): Promise<void> {
  const operation = operations.connectorIndividualConfigAdd;
  const others = await commandOptions(context.db, subject.id);
  const field = requireBody(operation.body, body, (given) =>
    individualRules(given, { type: subject.type, others }),
  );
  await changeConfiguration(context, operation, subject, async (work, version) => {
    const fields = await readFields(work.db, subject.id);
    // Another writer may have added a field since the request was checked.
    const errors = individualRules(field, {
      type: subject.type,
      others: fields.map((other) => other.command_option),
    });
    if (Object.keys(errors).length > 0) throw badRequest(errors);
    await refuseWhileFrozen(work.db, subject, version);
    const row = fieldRow(subject.id, field, nextOrder(fields));
    await work.db.insertInto('individual_configs').values(row).execute();
    return { changes: [{ path: `individuals[${row.command_option}]`, from: null, to: field }] };
  });
}

/** `PUT …/individual-configs/{commandOption}`; another `command-option` renames. */
export async function updateIndividualConfig(
  context: Context,
  { subject, params, body }: Input<typeof operations.connectorIndividualConfigUpdate>,
): Promise<void> {
  const operation = operations.connectorIndividualConfigUpdate;
  const fields = await readFields(context.db, subject.id);
  const present = fields.find((field) => field.command_option === params.commandOption);
  if (!present) throw notFound('Individual configuration');
  const others = fields.filter((field) => field !== present).map((field) => field.command_option);
  const serverMade = present.field_type === authenticationSelect;
  const wanted: IndividualBody = serverMade
    ? requireBody(operations.AuthenticationFieldChange, body)
    : requireBody(operation.body, body, (given) => individualRules(given, { type: subject.type, others }));
  await changeConfiguration(context, operation, subject, async (work, version) => {
    await refuseWhileFrozen(work.db, subject, version);
    const named = { ...wanted, 'command-option': wanted['command-option'] ?? present.command_option };
    const row = serverMade
      ? { ...present, ...serverMadeColumns(wanted, present) }
      : fieldRow(subject.id, named, present.order);
    const { created_at, ...columns } = row as Field;
    const updated = await work.db
      .updateTable('individual_configs')
      .set({ ...columns, updated_at: sql<Date>`now()` })
      .where('version_id', '=', subject.id)
      .where('command_option', '=', present.command_option)
      .executeTakeFirst();
    if (updated.numUpdatedRows === 0n) throw notFound('Individual configuration');
    const path = `individuals[${present.command_option}].`;
    return {
      changes: changesBetween(auditedOf(present), auditedOf(row as Field)).map((change) => ({
        ...change,
        path: path + change.path,
      })),
    };
  });
}

/** `DELETE …/individual-configs/{commandOption}` */
export async function removeIndividualConfig(
  context: Context,
  { subject, params }: Input<typeof operations.connectorIndividualConfigRemove>,
): Promise<void> {
  await changeConfiguration(
    context,
    operations.connectorIndividualConfigRemove,
    subject,
    async (work, version) => {
      await refuseWhileFrozen(work.db, subject, version);
      const fields = await readFields(work.db, subject.id);
      const present = fields.find((field) => field.command_option === params.commandOption);
      if (!present) throw notFound('Individual configuration');
      if (present.field_type === authenticationSelect) {
        throw refused('This individual configuration is made by the server.');
      }
      await work.db
        .deleteFrom('individual_configs')
        .where('version_id', '=', subject.id)
        .where('command_option', '=', present.command_option)
        .execute();
      return {
        changes: [{ path: `individuals[${present.command_option}]`, from: auditedOf(present), to: null }],
      };
    },
  );
}

/** `PUT …/individual-configs/order`: `order` becomes 1, 2, 3, … */
export async function reorderIndividualConfigs(
  context: Context,
  { subject, body }: Input<typeof operations.connectorIndividualConfigReorder>,
): Promise<void> {
  await changeConfiguration(
    context,
    operations.connectorIndividualConfigReorder,
    subject,
    async (work, version) => {
      const present = (await readFields(work.db, subject.id)).map((field) => field.command_option);
      const wanted = body.order;
      if (
        wanted.length !== present.length ||
        new Set(wanted).size !== wanted.length ||
        !wanted.every((option) => present.includes(option))
      ) {
        throw badRequest({ order: 'This value should list every command option exactly once.' });
      }
      await refuseWhileFrozen(work.db, subject, version);
      await sql`
      UPDATE individual_configs i SET "order" = w.place, updated_at = now()
      FROM unnest(${wanted}::text[]) WITH ORDINALITY AS w (command_option, place)
      WHERE i.version_id = ${subject.id} AND i.command_option = w.command_option`.execute(work.db);
      return { changes: [{ path: 'individuals.order', from: present, to: wanted }] };
    },
  );
}

/** Fields of a version in their order. */
const readFields = (db: Database, versionId: string): Promise<Field[]> =>
  db
    .selectFrom('individual_configs')
    .selectAll()
    .where('version_id', '=', versionId)
    .orderBy('order')
    .orderBy('command_option')
    .execute();

const commandOptions = async (db: Database, versionId: string): Promise<string[]> =>
  (await readFields(db, versionId)).map((field) => field.command_option);

const nextOrder = (fields: readonly Field[]): number =>
  Math.max(0, ...fields.map((field) => field.order)) + 1;

/** The row of a checked field; `order` null means the given next one. */
export const fieldRow = (
  versionId: string,
  field: IndividualBody,
  next: number,
): Insertable<IndividualConfigs> => ({
  version_id: versionId,
  command_option: field['command-option'] as string,
  field_type: field['field-type'] as string,
  field_name: field['field-name'] as string,
  field_required: field['field-required'] ?? false,
  field_placeholder: field['field-placeholder'] || null,
  field_description: field['field-description'] || null,
  field_default_value: field['field-default-value'] || null,
  field_config: field['field-config'] || null,
  order: field.order ?? next,
});

/** PUT replaces: what is absent gets its default. */
const serverMadeColumns = (wanted: IndividualBody, present: Field) => ({
  field_name: wanted['field-name'] ?? '',
  field_required: wanted['field-required'] ?? false,
  field_placeholder: wanted['field-placeholder'] || null,
  field_description: wanted['field-description'] || null,
  order: wanted.order ?? present.order,
});

const auditedOf = ({ version_id, created_at, updated_at, ...field }: Field): Record<string, unknown> => ({
  ...field,
});

/**
 * The row for choosing an authentication (3.3.4): there while the version registers authentications.
 *
 * @throws the frozen refusal when a row would be added or removed while the connector migrates
 */
export async function syncAuthenticationField(
  db: Work,
  subject: VersionSubject,
  version: VersionRow,
  wanted: boolean,
): Promise<void> {
  const fields = await readFields(db, subject.id);
  const present = fields.some((field) => field.field_type === authenticationSelect);
  if (present === wanted) return;
  await refuseWhileFrozen(db, subject, version);
  if (wanted)
    await db
      .insertInto('individual_configs')
      .values(authenticationField(subject.id, nextOrder(fields)))
      .execute();
  else {
    await db
      .deleteFrom('individual_configs')
      .where('version_id', '=', subject.id)
      .where('field_type', '=', authenticationSelect)
      .execute();
  }
}

export const authenticationField = (versionId: string, order: number): Insertable<IndividualConfigs> => ({
  version_id: versionId,
  command_option: authenticationSelect,
  field_type: authenticationSelect,
  field_name: '',
  order,
});

/**
 * Fields are frozen in all versions while the connector migrates and one has a legacy executable (5.4). That the
 * version may be changed at all is decided before.
 */
async function refuseWhileFrozen(db: Work, subject: VersionSubject, version: VersionRow): Promise<void> {
  refuseUnlessChangeable(version);
  if (subject.flow !== 'migration') return;
  const { rows } = await sql`
    SELECT 1 FROM connector_versions WHERE connector_id = ${subject.connectorId} AND legacy_executable IS NOT NULL
    LIMIT 1`.execute(db);
  if (rows.length > 0) throw refused('Individual configurations are frozen while the connector migrates.');
}
