import { settingRows } from '../../packages/server/src/settings-table.ts';
import { allowed } from '../../packages/server/src/settings-values.ts';

const intro = `# Settings

Slipway is set up by environment variables. They are read once at the start and checked together: with any wrong value the
server does not start and lists all problems. \`<NAME>_FILE\` names a file that holds the value, for secrets that should not
stand in the environment. A variable that begins with \`SLIPWAY_\` and is none of these is a warning.

\`slipway settings\` prints what is in force and where each value comes from; secrets are shown as \`***\`.

This page is generated from \`packages/server/src/settings-table.ts\` by \`node scripts/with-node.mjs scripts/generate-docs.ts\`.
`;

/** The text of docs/settings.md. */
export function settingsPage(): string {
  const rows = settingRows.map((row) => {
    const fallback = row.shown ?? (row.default ? `\`${row.default}\`` : 'empty');
    const values = allowed(row.type).replace(/^it (can|should) be /, '');
    const meaning = row.secret ? `${row.meaning} Secret.` : row.meaning;
    return `| \`${row.name}\` | ${escaped(fallback)} | ${escaped(values)} | ${escaped(meaning)} |`;
  });
  return [intro, '| setting | default | values | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join(
    '\n',
  );
}

/** A stroke would end the table cell, and angle brackets would be taken for HTML. */
const escaped = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
