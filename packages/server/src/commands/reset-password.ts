import { resetPassword } from '../identity/temporary-password.ts';
import type { Settings } from '../settings.ts';
import { withDatabase } from './command-database.ts';

/** `slipway user reset-password <email>`: prints a password to hand over. */
export async function resetPasswordCommand(
  settings: Settings,
  say: (line: string) => void,
  email: string,
): Promise<boolean> {
  const password = await withDatabase(settings, say, (db) => resetPassword(db, email));
  say(`Password of ${email}: ${password}`);
  say('Shown this once; signing in with it asks for one of their own. All their sign-ins have ended.');
  return true;
}
