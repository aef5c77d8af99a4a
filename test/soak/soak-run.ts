import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { messageOf } from '../../src/errors.ts';
import { type OwnEngine, ownEngine } from '../services/engine.ts';
import { kafkaBehind } from '../services/kafka.ts';
import { usablePorts } from '../services/ports.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { auditDatabase, prepareDatabase } from './audit.ts';
import { type EmitterEnd, EmitterLife } from './emitter-life.ts';
import { IngestWard } from './ingest-ward.ts';
import { totalsInLog } from './log-totals.ts';
import { send } from './matrix.ts';
import { seeded } from './points.ts';
import { countDeadLetters, deadLettersOf } from './read-topic.ts';
import { faultsInOrder, type SoakTargets } from './soak-faults.ts';
import { judge, type SoakVerdict } from './soak-verdict.ts';
import { drained, type Stage, until } from './stage.ts';
import { shipmentOf, Truth } from './truth.ts';

export interface SoakOptions {
  /** Empty. */
  readonly folder: string;
  readonly topic: string;
  readonly durationMs: number;
  readonly seed: number;
  readonly gates: number;
  /** Of one core, for each gate. */
  readonly share: number;
  /** Between two faults, milliseconds: from half of it to one and a half. */
  readonly faultEveryMs: number;
  readonly onProgress?: (progress: SoakProgress) => void;
}

export interface SoakProgress {
  readonly elapsedMs: number;
  readonly doing: string;
  readonly faults: number;
  readonly kills: number;
  readonly decisions: number;
}

export interface SoakReport extends SoakVerdict {
  readonly seconds: number;
  /** How often each fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** Kills of ingest by point; `any moment`: from outside. */
  readonly kills: Readonly<Record<string, number>>;
  readonly restarts: number;
  readonly blocks: number;
  readonly settledBlocks: number;
  readonly repairedRows: number;
  readonly doubledRows: number;
  readonly rows: number;
}

const partitions = 4;
const sessionTimeoutMs = 2_000;
const maxBlockRows = 20_000;
const poisonRows = 20;
const drainWithinMs = 900_000;

/** The world of one soak: a broker behind a cable, gates, and a ward of ingest processes that come back whenever one dies. */
class Soak {
  readonly #options: SoakOptions;
  readonly #stage: Stage;
  readonly #broker: OwnEngine;
  readonly #cable: TcpProxy;
  readonly #ward: IngestWard;
  readonly #random: () => number;
  readonly #gates: EmitterLife[] = [];
  readonly #gone: EmitterEnd[] = [];
  readonly #faults: Record<string, number> = {};
  #byHand = new Truth();
  #born = 0;

  constructor(options: SoakOptions, stage: Stage, engines: { broker: OwnEngine; cable: TcpProxy }) {
    this.#options = options;
    this.#stage = stage;
    this.#broker = engines.broker;
    this.#cable = engines.cable;
    this.#random = seeded(options.seed);
    this.#ward = new IngestWard({ stage, sessionTimeoutMs, maxBlockRows });
  }

  async run(): Promise<SoakReport> {
    await prepareDatabase(join(this.#stage.folder, 'data'));
    this.#ward.open();
    while (this.#gates.length < this.#options.gates) this.#gates.push(this.#newGate());
    await this.#sendPoison();
    await until('every gate decides', () => this.#gates.every(({ last }) => last.sent > 0));
    const startUs = systemClock.monotonicUs();
    const seconds = (): number => Math.round((systemClock.monotonicUs() - startUs) / 1e6);
    await this.#disturb(startUs);
    this.#cable.heal();
    this.#tell(startUs, 'closing the gates');
    for (const gate of this.#gates) gate.tell({ close: true });
    this.#gone.push(...(await Promise.all(this.#gates.map((gate) => gate.end()))));
    this.#gates.length = 0;
    this.#tell(startUs, 'draining');
    const ends = await this.#ends();
    await drained(this.#stage, ends, drainWithinMs);
    const tally = await this.#ward.close();
    this.#tell(startUs, 'counting');
    const { kafkaUrl, topic, folder } = this.#stage;
    const verdict = judge({
      audit: await auditDatabase(join(folder, 'data')),
      totals: await totalsInLog(kafkaUrl, topic),
      gates: this.#gone,
      byHand: this.#byHand,
      deadLetters: await countDeadLetters(kafkaUrl, deadLettersOf(topic)),
      ends,
    });
    const problems = [...this.#ward.problems, ...verdict.problems];
    return { ...verdict, ...tally, problems, faults: this.#faults, seconds: seconds() };
  }

  async abandon(): Promise<void> {
    await Promise.all([this.#ward.abandon(), ...this.#gates.map((gate) => gate.kill())]);
  }

  #newGate(): EmitterLife {
    this.#born += 1;
    const { kafkaUrl, topic } = this.#stage;
    const { share, seed } = this.#options;
    const emitterId = `gate-${this.#born}`;
    return new EmitterLife({ kafkaUrl, topic, partitions, emitterId, seed: seed + this.#born, share });
  }

  async #disturb(startUs: number): Promise<void> {
    const { durationMs, faultEveryMs } = this.#options;
    const elapsedMs = (): number => (systemClock.monotonicUs() - startUs) / 1000;
    for (const fault of faultsInOrder(this.#random)) {
      await systemClock.sleep(faultEveryMs * (0.5 + this.#random()));
      if (elapsedMs() >= durationMs) return;
      this.#tell(startUs, fault.name);
      this.#faults[fault.name] = (this.#faults[fault.name] ?? 0) + 1;
      await fault.play(this.#targets);
    }
  }

  get #targets(): SoakTargets {
    return {
      random: this.#random,
      broker: this.#broker,
      cable: this.#cable,
      killIngest: () => this.#ward.kill(),
      armIngest: (arm) => this.#ward.arm(arm),
      killGate: () => this.#killGate(),
      doubleFrames: () => this.#anyGate()?.tell({ double: true }),
      sendPoison: () => this.#sendPoison(),
      pause: (durationMs) => systemClock.sleep(durationMs),
    };
  }

  #anyGate(): EmitterLife | undefined {
    return this.#gates[Math.floor(this.#random() * this.#gates.length)];
  }

  async #killGate(): Promise<void> {
    const gate = this.#anyGate();
    if (!gate) return;
    this.#gone.push(await gate.kill());
    this.#gates.splice(this.#gates.indexOf(gate), 1, this.#newGate());
  }

  async #sendPoison(): Promise<void> {
    const label = `hand-${this.#random().toString(36).slice(2, 8)}`;
    const shipment = shipmentOf({ partitions, framesPerPartition: 1, rowsPerFrame: poisonRows, poisonEvery: 1, label });
    await send(this.#stage, shipment, partitions);
    this.#byHand = this.#byHand.with(shipment.truth);
  }

  /** Where the log ends now that nobody writes. */
  async #ends(): Promise<Map<number, number>> {
    return send(this.#stage, { frames: [], truth: new Truth() }, partitions);
  }

  #tell(startUs: number, doing: string): void {
    const elapsedMs = (systemClock.monotonicUs() - startUs) / 1000;
    const faults = Object.values(this.#faults).reduce((sum, count) => sum + count, 0);
    const decisions = [...this.#gates.map(({ last }) => last), ...this.#gone.map(({ last }) => last)];
    this.#options.onProgress?.({
      elapsedMs,
      doing,
      faults,
      kills: this.#ward.killed,
      decisions: decisions.reduce((sum, { taken }) => sum + taken, 0),
    });
  }
}

/** Gates, a broker, ingest and faults for a while; then everything is drained and compared. Leaves no process behind. */
export const runSoak = async (options: SoakOptions): Promise<SoakReport> => {
  const { folder, topic } = options;
  mkdirSync(folder, { recursive: true });
  const ports = await usablePorts(undefined);
  const cable = await startProxy(ports[0]);
  const launch = { folder: join(folder, 'kafka'), tied: true, ports, remove: () => undefined };
  const broker = await ownEngine(kafkaBehind(cable.port), launch);
  const stage = { kafkaUrl: `kafka://127.0.0.1:${cable.port}`, folder, topic };
  const soak = new Soak(options, stage, { broker, cable });
  try {
    return await soak.run();
  } catch (error) {
    throw new Error(`the soak broke down: ${messageOf(error)}; its files: ${folder}`, { cause: error });
  } finally {
    await soak.abandon();
    await broker.stop();
    await cable.close();
  }
};
