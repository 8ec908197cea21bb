import { defineConfig } from 'vitest/config';

/**
 * Two projects, since only the server's tests need a database: choosing tests of other packages starts none.
 * Tests start processes of their own, so more workers than cores only make them wait for each other.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'server',
          include: ['packages/server/{src,test}/**/*.test.ts'],
          globalSetup: ['packages/server/test/support/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'rest',
          include: ['{packages,connectors,bench,scripts}/**/*.test.{ts,mjs}'],
          exclude: ['**/node_modules/**', 'packages/server/**', '**/.slipway/**'],
        },
      },
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
