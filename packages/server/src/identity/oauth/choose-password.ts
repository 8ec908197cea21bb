import type { FastifyReply } from 'fastify';
import { inTransaction } from '../../context.ts';
import { systemContext } from '../../operations/system-context.ts';
import { hashPassword, verifyPassword } from '../passwords.ts';
import { storePassword } from '../update-password.ts';
import { lockUser } from '../users.ts';
import { choosePasswordPage } from './pages.ts';
import { endSignInsElsewhere } from './sign-ins.ts';
import { finish, formOf, type Step, send } from './step.ts';

/** As `PUT /me/password` takes them (5.13). */
const [shortest, longest] = [12, 1000];

export async function showChoosePassword(step: Step, problem?: string): Promise<FastifyReply> {
  const { reply, path, redirectUri } = step;
  const { email: user } = await userOf(step);
  const page = choosePasswordPage({ path, user, ...(problem ? { problem } : {}) });
  return send(reply, problem ? 400 : 200, page, redirectUri);
}

const userOf = ({ services, details }: Step) =>
  services.db
    .selectFrom('users')
    .select(['email', 'password_hash'])
    .where('id', '=', details.session?.accountId ?? '')
    .executeTakeFirstOrThrow();

/** The user signed in with a password that was handed over; from here on their own is the one that counts. */
export async function choosePassword(step: Step): Promise<FastifyReply> {
  const { services, request, reply, details, path } = step;
  const { session } = details;
  if (details.prompt.name !== 'password' || !session?.accountId) return reply.redirect(path, 303);
  const { password = '', repeated = '' } = formOf(step);
  if (password.length < shortest) {
    return showChoosePassword(
      step,
      `The password is too short. It should have ${shortest} characters or more.`,
    );
  }
  if (password.length > longest) {
    return showChoosePassword(
      step,
      `The password is too long. It should have ${longest} characters or less.`,
    );
  }
  if (password !== repeated) return showChoosePassword(step, 'The two passwords are not the same.');
  const given = await userOf(step);
  if (await verifyPassword(password, given.password_hash)) {
    return showChoosePassword(step, 'This is the password that you were given. Choose another one.');
  }
  const hash = await hashPassword(password);
  const system = systemContext(services);
  await inTransaction({ ...system, ip: request.ip, requestId: request.id }, async (work) => {
    const user = await lockUser(work.db, session.accountId as string);
    // Chosen in another window in between: that one counts, and this sign-in ends here.
    if (user.password_hash !== given.password_hash) return;
    await endSignInsElsewhere(work.db, user.id, session.uid);
    const actor = { ...system.actor, kind: 'user' as const, id: user.id, name: user.name ?? user.email };
    await storePassword({ ...work, actor }, user, hash);
  });
  return finish(step, { password: {} });
}
