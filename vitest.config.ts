import { defineConfig } from 'vitest/config';

const engineSetup = 'test/support/engine-setup.ts';

interface EngineLimits {
  readonly testTimeout: number;
  readonly maxWorkers: number;
  /** Projects run one after the other, in this order: together they would starve the engines of CPU. */
  readonly groupOrder: number;
}

/** Tests that talk to real engines: two files at a time, since brokers and databases share the machine with them. */
const withEngines = (name: string, { testTimeout, maxWorkers, groupOrder }: EngineLimits) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    globalSetup: [engineSetup],
    // A process per file: chDB holds one data folder per process, and a crash must not take other files along.
    pool: 'forks' as const,
    hookTimeout: 120_000,
    testTimeout,
    maxWorkers,
    sequence: { groupOrder },
  },
});

export default defineConfig({
  test: {
    passWithNoTests: true,
    reporters: ['default'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], pool: 'forks', testTimeout: 10_000 } },
      withEngines('contract', { testTimeout: 30_000, maxWorkers: 2, groupOrder: 1 }),
      withEngines('integration', { testTimeout: 60_000, maxWorkers: 2, groupOrder: 2 }),
      withEngines('scenario', { testTimeout: 120_000, maxWorkers: 1, groupOrder: 3 }),
      {
        test: {
          name: 'packaging',
          include: ['test/packaging/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
