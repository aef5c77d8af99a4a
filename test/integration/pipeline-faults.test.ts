import { mkdirSync, rmSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { seeded } from '../soak/points.ts';
import {
  brokerKilled,
  databaseKilled,
  databaseRefuses,
  type Outcome,
  topicTruncated,
  zombie,
  zombies,
} from '../soak/scenarios.ts';
import type { Stage } from '../soak/stage.ts';
import { chdbUrl, describeWith, freshName, type OwnEngine, startKafka } from '../support/engines.ts';

/** For a machine that does ten other things. */
const timeoutMs = 900_000;

describeWith('kafka', 'ingest while the world around it breaks', (sharedUrl) => {
  let broker: OwnEngine | null = null;
  afterAll(() => broker?.stop());

  /** Plays it on a folder of its own, unless chDB is missing. Fails with everything that is not as it was sent. */
  const play = async (scenario: (stage: Stage) => Promise<Outcome>, kafkaUrl = sharedUrl): Promise<Outcome | null> => {
    const data = chdbUrl();
    if (data === null) return null;
    const folder = data.slice('chdb:'.length);
    mkdirSync(folder, { recursive: true });
    const outcome = await scenario({ kafkaUrl, folder, topic: freshName('faults') });
    expect(outcome.problems).toEqual([]);
    rmSync(folder, { recursive: true });
    return outcome;
  };

  for (const name of ['after-intent', 'after-count-of-half', 'before-repair'] as const) {
    it(
      `counts once what an owner had begun that sleeps ${name.replaceAll('-', ' ')} and wakes when another owns its partitions`,
      async (context) => {
        const outcome = await play(zombie(zombies[name] ?? []));
        if (!outcome) return context.skip('chDB is missing');
        expect(outcome.facts.stopped).toBe(1);
      },
      timeoutMs,
    );
  }

  it(
    'counts once what a database was storing when it was killed',
    async (context) => {
      const outcome = await play(databaseKilled({ kills: 3, random: seeded(3) }));
      if (!outcome) return context.skip('chDB is missing');
      expect(outcome.facts.killed).toBe(3);
      expect(outcome.facts.settledBlocks).toBeGreaterThan(0);
    },
    timeoutMs,
  );

  it(
    'waits for a database that refuses everything, and goes on by itself',
    async (context) => {
      const outcome = await play(databaseRefuses({ forMs: 3_000 }));
      if (!outcome) return context.skip('chDB is missing');
      expect(outcome.facts.retries).toBeGreaterThan(0);
    },
    timeoutMs,
  );

  it(
    'counts what retention took before it was stored, and stores the rest exactly',
    async (context) => {
      const outcome = await play(topicTruncated);
      if (!outcome) return context.skip('chDB is missing');
      expect(outcome.facts.missing).toBeGreaterThan(0);
    },
    timeoutMs,
  );

  it(
    'loses and doubles nothing when the broker is killed and comes back while it reads and others write',
    async (context) => {
      broker = await startKafka();
      const outcome = await play(brokerKilled({ broker, kills: 1 }), broker.url);
      if (!outcome) return context.skip('chDB is missing');
      expect(outcome.facts.killed).toBe(1);
    },
    timeoutMs,
  );
});
