import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runLane } from '../soak/matrix.ts';
import { type Arm, crashPoints, lastResort, type Operation, pointOf, seeded } from '../soak/points.ts';
import { errorsInjected } from '../soak/scenarios.ts';
import { chdbUrl, describeWith, freshName } from '../support/engines.ts';

/** For a machine that does ten other things. */
const timeoutMs = 900_000;

const kill = (point: Pick<Arm, 'operation' | 'moment'>, delayUs: number): Arm => ({
  ...point,
  fault: 'kill',
  occurrence: 1,
  delayUs,
});

/** Moments within an insert, microseconds: before, in and after the writing of its parts. */
const delaysUs = [0, 1_000, 3_000, 6_000, 10_000, 15_000, 25_000];

/** Every point once. A block that is left unfinished is what the next life counts and repairs. */
const deathsAt = (operations: readonly Operation[]): Arm[] => {
  const random = seeded(1);
  return crashPoints
    .filter(({ operation }) => operations.includes(operation))
    .map((point) => kill(point, Math.floor(random() * 4_000)));
};

/** Two logs at a time: most of a life is waiting for the group to forget the one before. */
const plans = [
  {
    deaths: [
      ...deathsAt(['marks', 'intent', 'insert', 'ledger']),
      ...delaysUs.map((delayUs) => kill({ operation: 'insert', moment: 'during' }, delayUs)),
    ],
    shipment: { framesPerPartition: 120, poisonEvery: 0 },
  },
  { deaths: deathsAt(['bury', 'ack', 'count', 'repair']), shipment: { framesPerPartition: 120, poisonEvery: 25 } },
];

describeWith('kafka', 'ingest processes that die', (kafkaUrl) => {
  const stageOf = (label: string): { kafkaUrl: string; folder: string; topic: string } | null => {
    const data = chdbUrl();
    return data === null ? null : { kafkaUrl, folder: data.slice('chdb:'.length), topic: freshName(label) };
  };

  it(
    'leave every decision counted once in every table, and a ledger without gaps, wherever SIGKILL hits them',
    async (context) => {
      const lanes = plans.map(async ({ deaths, shipment }) => {
        const stage = stageOf('crashes');
        if (!stage) return context.skip('chDB is missing');
        const left = [...deaths];
        const random = seeded(2);
        const report = await runLane({
          ...stage,
          shipment,
          nextArms: () => {
            const arm = left.shift();
            // Something to bury is further ahead than the rest: others must not end the life before.
            const patience = arm?.operation === 'bury' ? 40 : 6;
            return arm ? [arm, { ...lastResort(random), occurrence: patience }] : null;
          },
        });
        rmSync(stage.folder, { recursive: true });
        return report;
      });
      for (const [index, report] of (await Promise.all(lanes)).entries()) {
        expect(report.problems).toEqual([]);
        expect(new Set(Object.values(report.drift))).toEqual(new Set([0]));
        const wanted = new Set(plans[index]?.deaths.map(pointOf));
        const hit = [...wanted].filter((name) => (report.kills[name] ?? 0) > 0);
        // One may come too late: the block was finished in the meantime, and nothing had to be counted.
        expect(hit.length).toBeGreaterThanOrEqual(wanted.size - 1);
      }
    },
    timeoutMs,
  );

  it(
    'need not die: what fails before, half-way and after its effect changes no total either',
    async (context) => {
      const stage = stageOf('errors');
      if (!stage) return context.skip('chDB is missing');
      const { problems, facts } = await errorsInjected(stage);
      expect(problems).toEqual([]);
      expect(facts.settledBlocks).toBeGreaterThan(0);
      expect(facts.retries).toBeGreaterThan(5);
      rmSync(stage.folder, { recursive: true });
    },
    timeoutMs,
  );
});
