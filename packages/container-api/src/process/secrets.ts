import { readFile } from 'node:fs/promises';
import { type RunConfig, RunConfigError } from './run-config.ts';

/**
 * The values that have to be masked: those of a file, a JSON list of texts, and those of environment variables. Messages
 * name the place of a value, never the value.
 *
 * @param file absolute path of the file, if there is one
 * @throws {RunConfigError}
 */
export async function readSecrets(
  secrets: RunConfig['secrets'],
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<string[]> {
  const values = file === undefined ? [] : await readSecretFile(file);
  for (const name of secrets?.environment ?? []) {
    const value = environment[name];
    if (value === undefined) {
      throw new RunConfigError(`secrets.environment: The variable ${name} is not set.`);
    }
    values.push(value);
  }
  return values;
}

async function readSecretFile(file: string): Promise<string[]> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    throw new RunConfigError(`secrets.file can not be read: ${(error as Error).message}`);
  }
  let values: unknown;
  try {
    values = JSON.parse(content);
  } catch {
    // The parser's message would quote the text.
    values = null;
  }
  if (!Array.isArray(values) || values.some((value) => typeof value !== 'string')) {
    throw new RunConfigError('secrets.file should hold a JSON list of texts.');
  }
  return values as string[];
}
