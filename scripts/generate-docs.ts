/**
 * Writes the pages of docs/ that are generated from the code: node scripts/with-node.mjs scripts/generate-docs.ts
 */
import { writeFileSync } from 'node:fs';
import { settingsPage } from './lib/settings-page.ts';

writeFileSync(new URL('../docs/settings.md', import.meta.url), settingsPage());
console.log('docs/settings.md');
