import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import { notFound, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';

/** `DELETE /secrets/{path}`: refused while a version registers it. Its values are gone at once. */
export async function deleteSecret(
  context: Context,
  { subject }: Input<typeof operations.secretDelete>,
): Promise<void> {
  await inTransaction(context, async (work) => {
    const { db, services } = work;
    // Whoever registers it holds this row, or waits for it and finds it gone.
    const locked = await db
      .selectFrom('secrets')
      .select('id')
      .where('id', '=', subject.id)
      .forUpdate()
      .executeTakeFirst();
    if (!locked) throw notFound('Secret');
    const registered = await db
      .selectFrom('version_secrets')
      .select('version_id')
      .where('secret_id', '=', subject.id)
      .limit(1)
      .executeTakeFirst();
    if (registered) throw refused('Secret is registered in a connector.');
    const fields = await db
      .deleteFrom('secret_fields')
      .where('secret_id', '=', subject.id)
      .returning(['name', 'value'])
      .execute();
    await db.deleteFrom('secrets').where('id', '=', subject.id).execute();
    await services.vault.remove(db, ...fields.map(({ value }) => value));
    await audit(work, {
      action: 'secret_delete',
      entity: { type: 'secret', id: subject.path, name: subject.path },
      changes: fields.map(({ name }) => ({ path: `fields.${name}`, from: '***', to: null })),
    });
  });
}
