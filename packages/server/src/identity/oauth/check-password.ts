import { sql } from 'kysely';
import { inTransaction } from '../../context.ts';
import { audit } from '../../events/audit.ts';
import { systemContext } from '../../operations/system-context.ts';
import type { Services } from '../../services.ts';
import { begin, succeed } from '../attempts.ts';
import { verifyPassword } from '../passwords.ts';

/**
 * Who signs in by e-mail address and password. Unknown, wrong, invited and disabled are answered alike, in the same
 * time; a refusal says only how many seconds to wait, 0 for none. Failures stand in the audit trail.
 */
export async function checkPassword(
  services: Services,
  given: { email: string; password: string; ip: string; requestId: string },
): Promise<{ userId: string } | { wait: number }> {
  const { email, password, ip, requestId } = given;
  const { db } = services;
  const attempt = await begin(db, { ip, account: email });
  if (attempt.wait > 0) return { wait: attempt.wait };
  const { rows } = await sql<{ id: string; hash: string | null; status: string }>`
    SELECT id, password_hash AS hash, status FROM users WHERE lower(email) = lower(${email})`.execute(db);
  const user = rows[0];
  const known = user?.status === 'active' ? user.hash : null;
  if ((await verifyPassword(password, known)) && user) {
    await succeed(db, attempt.id);
    return { userId: user.id };
  }
  await inTransaction({ ...systemContext(services), ip, requestId }, (work) =>
    audit(work, {
      action: 'system.sign-in-failed',
      entity: { type: 'user', id: user?.id ?? '', name: email.slice(0, 255) },
    }),
  );
  return { wait: 0 };
}
