import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder } from '../services/folders.ts';
import type { Ending } from './lives.ts';
import { type LaneReport, runLane } from './matrix.ts';
import { type Arm, crashPoints, drawKill, lastResort, pointOf } from './points.ts';

export interface SeriesOptions {
  readonly kafkaUrl: string;
  readonly folder: string;
  readonly kills: number;
  readonly lanes: number;
  readonly random: () => number;
  /** Part of the topics' names. */
  readonly label: string;
  readonly onKill?: (done: number) => void;
}

export interface SeriesReport {
  readonly kills: number;
  readonly killsByPoint: Readonly<Record<string, number>>;
  /** Logs that were ingested from end to end. */
  readonly logs: number;
  readonly lives: number;
  readonly decisions: number;
  readonly settledBlocks: number;
  readonly repairedRows: number;
  readonly drift: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

const addTo = (sums: Record<string, number>, more: Readonly<Record<string, number>>): void => {
  for (const [name, value] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + value;
};

/** Most logs come to their end before, since nearly every life stores something. */
const killsPerLog = 60;
/** One log in so many has poison in it: to find the bad row takes longer than all else together. */
const poisonedEvery = 4;

/** Kills processes at drawn points, in several logs at a time, until there were enough. A log that drifts keeps its folder. */
export const runKillSeries = async (options: SeriesOptions): Promise<SeriesReport> => {
  const { kafkaUrl, folder, kills, lanes, random, label, onKill } = options;
  const killsByPoint: Record<string, number> = Object.fromEntries(crashPoints.map((point) => [pointOf(point), 0]));
  const drift: Record<string, number> = {};
  const problems: string[] = [];
  const counts = { kills: 0, logs: 0, lives: 0, decisions: 0, settledBlocks: 0, repairedRows: 0 };
  let begun = 0;
  const nextArms = (limit: number): (() => readonly Arm[] | null) => {
    let drawn = 0;
    return () => {
      drawn += 1;
      return drawn > limit || counts.kills >= kills ? null : [drawKill(random), lastResort(random)];
    };
  };
  const take = (report: LaneReport, name: string): void => {
    counts.logs += 1;
    counts.lives += report.lives;
    counts.decisions += report.decisions;
    counts.settledBlocks += report.settledBlocks;
    counts.repairedRows += report.repairedRows;
    addTo(killsByPoint, report.kills);
    addTo(drift, report.drift);
    problems.push(...report.problems.map((problem) => `${name}: ${problem}`));
  };
  const lane = async (): Promise<void> => {
    while (counts.kills < kills && problems.length === 0) {
      begun += 1;
      const name = `${label}-${begun}`;
      const onLife = (_arms: readonly Arm[], { death }: Ending): void => {
        if (!death) return;
        counts.kills += 1;
        onKill?.(counts.kills);
      };
      const report = await runLane({
        shipment: begun % poisonedEvery === 0 ? {} : { poisonEvery: 0 },
        kafkaUrl,
        topic: name,
        folder: join(folder, name),
        nextArms: nextArms(killsPerLog),
        onLife,
      });
      take(report, name);
      if (report.problems.length === 0) removeFolder(join(folder, name));
      // For whoever ends a long series before its time.
      writeFileSync(join(folder, 'report.json'), JSON.stringify({ ...counts, killsByPoint, drift, problems }));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { ...counts, killsByPoint, drift, problems };
};
