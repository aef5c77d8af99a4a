import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

const engineSetup = 'test/support/engine-setup.ts';

/** For what comes to be so by itself, and on a machine that is several times slower, too. Only a failure waits so long. */
const patience = { poll: { timeout: 15_000 } };

interface EngineLimits {
  readonly testTimeout: number;
  /** Groups run one after the other. */
  readonly groupOrder: number;
}

/** Tests that talk to real engines: two files at a time, since brokers and databases share the machine with them. */
const withEngines = (name: string, { testTimeout, groupOrder }: EngineLimits) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    globalSetup: [engineSetup],
    // A process per file: chDB holds one data folder per process, and a crash must not take other files along.
    pool: 'forks' as const,
    expect: patience,
    hookTimeout: 120_000,
    testTimeout,
    maxWorkers: 2,
    sequence: { groupOrder },
  },
});

export default defineConfig({
  test: {
    passWithNoTests: true,
    reporters: ['default'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          pool: 'forks',
          // One process loads the sources once for all of its files. What a file changes outside itself it puts back.
          isolate: false,
          maxWorkers: 2,
          // A machine may be several times slower than the one that a test was written on.
          testTimeout: 30_000,
          expect: patience,
          sequence: { groupOrder: 0 },
        },
      },
      withEngines('contract', { testTimeout: 30_000, groupOrder: 1 }),
      withEngines('integration', { testTimeout: 60_000, groupOrder: 1 }),
      // The demo decides about visitors in real time: beside it run only files that need no more than the other core.
      withEngines('scenario', { testTimeout: 120_000, groupOrder: 2 }),
      {
        test: {
          name: 'packaging',
          include: ['test/packaging/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
