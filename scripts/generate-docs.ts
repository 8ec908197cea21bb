/**
 * Writes the pages of docs/ that are generated from the code: node scripts/with-node.mjs scripts/generate-docs.ts
 */
import { writeFileSync } from 'node:fs';
import { settingsPage } from './lib/settings-page.ts';
import { statesPage } from './lib/states-page.ts';

const pages = { 'settings.md': settingsPage(), 'reference/version-states.md': statesPage() };
for (const [name, text] of Object.entries(pages)) {
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), text);
  console.log(`docs/${name}`);
}
