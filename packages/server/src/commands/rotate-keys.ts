import { rotateKeys } from '../secrets/rotate-keys.ts';
import type { Settings } from '../settings.ts';
import { withDatabase } from './command-database.ts';

/**
 * `slipway keys rotate`: changes the key that wraps all data keys.
 *
 * @returns whether every value is under the new key
 */
export async function rotateKeysCommand(settings: Settings, say: (line: string) => void): Promise<boolean> {
  const rotation = await withDatabase(settings, say, (db) => rotateKeys(db, settings));
  const { key, resumed, rewrapped, unreachable, damaged } = rotation;
  if (resumed) say('Finished a rotation that was interrupted.');
  say(`Stored values are under the key ${key}; ${rewrapped} of them were under another one before.`);
  if (settings.keyProvider === 'env' && rewrapped === 0) {
    say(
      'To change the key, set SLIPWAY_MASTER_KEY to the new one and SLIPWAY_SECOND_MASTER_KEY to the present one.',
    );
  }
  for (const [id, count] of unreachable) {
    say(`${count} stored values are under the key ${id}, which is not here; they stay as they are.`);
  }
  if (damaged > 0) say(`${damaged} stored values do not open: their rows were changed. Enter them again.`);
  return unreachable.size === 0 && damaged === 0;
}
