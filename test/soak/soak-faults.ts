import type { TcpProxy } from '../support/tcp-proxy.ts';
import { type Arm, drawKill } from './points.ts';
import type { RestartableBroker } from './scenarios.ts';

/** What the faults of a soak act upon. */
export interface SoakTargets {
  readonly random: () => number;
  readonly broker: RestartableBroker & { freeze(): void; thaw(): void };
  readonly cable: TcpProxy;
  /** Kills the ingest process that lives at the moment. */
  killIngest(): void;
  /** Lets it kill itself when it comes to a point. */
  armIngest(arm: Arm): void;
  /** Kills one of the gates and starts another in its place. */
  killGate(): Promise<void>;
  /** One of the gates sends its next frames twice. */
  doubleFrames(): void;
  /** Sends frames that cannot be stored, wholly or in part. */
  sendPoison(): Promise<void>;
  pause(durationMs: number): Promise<void>;
}

interface SoakFault {
  readonly name: string;
  /** How often it is drawn, beside the others. */
  readonly weight: number;
  play(targets: SoakTargets): Promise<void> | void;
}

const armed =
  (operation: Arm['operation'], longestUs: number) =>
  ({ random, armIngest }: SoakTargets): void =>
    armIngest({ operation, moment: 'during', fault: 'kill', occurrence: 1, delayUs: Math.floor(random() * longestUs) });

const between = (random: () => number, leastMs: number, mostMs: number): number =>
  leastMs + random() * (mostMs - leastMs);

/** What happens every few seconds. */
export const soakFaults: readonly SoakFault[] = [
  { name: 'ingest killed', weight: 4, play: ({ killIngest }) => killIngest() },
  { name: 'ingest killed within an insert', weight: 6, play: armed('insert', 60_000) },
  { name: 'ingest killed within a repair', weight: 3, play: armed('repair', 60_000) },
  { name: 'ingest killed at any point', weight: 4, play: ({ random, armIngest }) => armIngest(drawKill(random)) },
  {
    name: 'broker killed',
    weight: 2,
    play: async ({ broker }) => {
      await broker.kill();
      await broker.restart();
    },
  },
  {
    name: 'broker stopped',
    weight: 2,
    play: async ({ broker, pause, random }) => {
      broker.freeze();
      await pause(between(random, 500, 4_000));
      broker.thaw();
    },
  },
  {
    name: 'connections ended',
    weight: 2,
    play: async ({ cable, pause, random }) => {
      cable.refuse();
      await pause(between(random, 100, 1_500));
      cable.heal();
    },
  },
  {
    name: 'answers of the broker held back',
    weight: 2,
    play: async ({ cable, pause, random }) => {
      cable.cut('answers');
      await pause(between(random, 200, 3_000));
      cable.heal();
    },
  },
  { name: 'frames sent twice', weight: 2, play: ({ doubleFrames }) => doubleFrames() },
  { name: 'poison sent', weight: 2, play: ({ sendPoison }) => sendPoison() },
  { name: 'gate killed', weight: 2, play: ({ killGate }) => killGate() },
];

/** The first faults are each of them once, in an order that is drawn; then they are drawn by their weights. */
export const faultsInOrder = function* (random: () => number): Generator<SoakFault> {
  const first = soakFaults.map((fault) => ({ fault, at: random() })).sort((a, b) => a.at - b.at);
  for (const { fault } of first) yield fault;
  const weighted = soakFaults.flatMap((fault) => Array.from({ length: fault.weight }, () => fault));
  for (;;) {
    const fault = weighted[Math.floor(random() * weighted.length)];
    if (fault) yield fault;
  }
};
