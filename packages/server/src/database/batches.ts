/** So much is removed in one step, so that nobody waits long for what it locks. */
const atOnce = 1000;

/** Removes rows in steps, until a step finds fewer than it may take. */
export async function inBatches(
  remove: (limit: number) => Promise<{ numAffectedRows?: bigint | undefined }>,
): Promise<void> {
  let removed: number;
  do removed = Number((await remove(atOnce)).numAffectedRows ?? 0);
  while (removed === atOnce);
}
