import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runLane } from '../soak/matrix.ts';
import { type Arm, crashPoints, lastResort, pointOf, seeded } from '../soak/points.ts';
import { errorsInjected } from '../soak/scenarios.ts';
import { chdbUrl, describeWith, freshName } from '../support/engines.ts';

const kill = (point: Pick<Arm, 'operation' | 'moment'>, delayUs: number): Arm => ({
  ...point,
  fault: 'kill',
  occurrence: 1,
  delayUs,
});

/** Moments within an insert, microseconds: before, in and after the writing of its parts. */
const delaysUs = [0, 1_000, 3_000, 6_000, 10_000, 15_000, 25_000];

/**
 * Every point once and some moments within inserts and repairs. Where a block has to be left unfinished for the next life to
 * come to its point, the life before leaves one.
 */
const deaths = (): Arm[] => {
  const random = seeded(1);
  const points = crashPoints.map((point) => kill(point, Math.floor(random() * 4_000)));
  const within = delaysUs.map((delayUs) => kill({ operation: 'insert', moment: 'during' }, delayUs));
  return [...points, ...within].flatMap((arm) =>
    arm.operation === 'count' || arm.operation === 'repair'
      ? [kill({ operation: 'insert', moment: 'during' }, 5_000), arm]
      : [arm],
  );
};

describeWith('kafka', 'ingest processes that die', (kafkaUrl) => {
  const stageOf = (label: string): { kafkaUrl: string; folder: string; topic: string } | null => {
    const data = chdbUrl();
    return data === null ? null : { kafkaUrl, folder: data.slice('chdb:'.length), topic: freshName(label) };
  };

  it('leave every decision counted once in every table, and a ledger without gaps, wherever SIGKILL hits them', async (context) => {
    const stage = stageOf('crashes');
    if (!stage) return context.skip('chDB is missing');
    const left = deaths();
    const random = seeded(2);
    const report = await runLane({
      ...stage,
      nextArms: () => {
        const arm = left.shift();
        // To bury something takes longer to come to: the others must not end the life before.
        const patience = arm?.operation === 'bury' ? 40 : 6;
        return arm ? [arm, { ...lastResort(random), occurrence: patience }] : null;
      },
      shipment: { framesPerPartition: 200, poisonEvery: 30 },
    });
    expect(report.problems).toEqual([]);
    expect(Object.values(report.drift)).not.toHaveLength(0);
    expect(new Set(Object.values(report.drift))).toEqual(new Set([0]));
    const hit = crashPoints.map(pointOf).filter((name) => (report.kills[name] ?? 0) > 0);
    expect(hit.length).toBeGreaterThanOrEqual(crashPoints.length - 2);
    rmSync(stage.folder, { recursive: true });
  }, 600_000);

  it('need not die: what fails before, half-way and after its effect changes no total either', async (context) => {
    const stage = stageOf('errors');
    if (!stage) return context.skip('chDB is missing');
    const { problems, facts } = await errorsInjected(stage);
    expect(problems).toEqual([]);
    expect(facts.settledBlocks).toBeGreaterThan(0);
    expect(facts.retries).toBeGreaterThan(5);
    rmSync(stage.folder, { recursive: true });
  }, 600_000);
});
