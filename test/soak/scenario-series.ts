import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/errors.ts';
import { removeFolder } from '../services/folders.ts';
import {
  brokerKilled,
  databaseKilled,
  databaseRefuses,
  errorsInjected,
  type Outcome,
  type RestartableBroker,
  topicTruncated,
  zombie,
  zombies,
} from './scenarios.ts';
import type { Stage } from './stage.ts';

type Scenario = (stage: Stage) => Promise<Outcome>;

export interface Scale {
  readonly random: () => number;
  readonly databaseKills: number;
  readonly brokerKills: number;
  readonly refusesForMs: number;
}

/** Every scenario by name, in the order in which they are played. */
export const scenariosFor = (broker: RestartableBroker, scale: Scale): ReadonlyMap<string, Scenario> => {
  const { random, databaseKills, brokerKills, refusesForMs } = scale;
  return new Map<string, Scenario>([
    ['errors', errorsInjected],
    ...Object.entries(zombies).map(([name, arms]): [string, Scenario] => [`zombie-${name}`, zombie(arms)]),
    ['database-killed', databaseKilled({ kills: databaseKills, random })],
    ['database-refuses', databaseRefuses({ forMs: refusesForMs })],
    ['topic-truncated', topicTruncated],
    ['broker-killed', brokerKilled({ broker, kills: brokerKills })],
  ]);
};

export interface ScenarioReport extends Outcome {
  readonly scenario: string;
}

export interface ScenarioSeriesOptions {
  readonly kafkaUrl: string;
  readonly folder: string;
  readonly label: string;
  readonly scenarios: ReadonlyMap<string, Scenario>;
  readonly onReport: (report: ScenarioReport) => void;
}

/** Plays them one after the other. One with problems keeps its folder. */
export const runScenarios = async (options: ScenarioSeriesOptions): Promise<ScenarioReport[]> => {
  const { kafkaUrl, folder, label, scenarios, onReport } = options;
  const reports: ScenarioReport[] = [];
  for (const [scenario, play] of scenarios) {
    const stage = { kafkaUrl, folder: join(folder, scenario), topic: `${label}-${scenario}` };
    mkdirSync(stage.folder, { recursive: true });
    const outcome = await play(stage).catch(
      (error: unknown): Outcome => ({ problems: [messageOf(error)], decisions: 0, facts: {} }),
    );
    if (outcome.problems.length === 0) removeFolder(stage.folder);
    reports.push({ scenario, ...outcome });
    onReport({ scenario, ...outcome });
  }
  return reports;
};
