import {
  type Attributes,
  type BatchObservableCallback,
  type BatchObservableResult,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
  type Observable,
} from '@opentelemetry/api';
import { type Clock, systemClock, systemRandom } from '../clock.ts';
import { watchedRelays, watchedRuleStates } from './abuse-figures.ts';
import { watchedAlerts, watchedDeliverers } from './alert-figures.ts';
import { Audits } from './audits.ts';
import { Checks } from './checks.ts';
import { DecisionTally } from './decision-tally.ts';
import {
  watchedBlockLists,
  watchedDetectors,
  watchedEmitters,
  watchedGates,
  watchedIngesters,
  watchedLogs,
  watchedPolicyRecords,
  watchedProcess,
} from './figures.ts';
import { watchedHealth } from './health-figures.ts';
import { beatInstruments } from './health-instruments.ts';
import { durationsSampledOneIn, type Instrument, type InstrumentId, instruments, meterName } from './instruments.ts';
import { Lags } from './lags.ts';
import type { ObservedBlock, ObservedDecision } from './observed.ts';
import { PolicyLoads } from './policy-loads.ts';
import { watchedLearning, watchedReviewQueues } from './review-figures.ts';
import { StoredBlocks } from './stored-blocks.ts';
import type { Reading } from './watched.ts';

export interface MetersOptions {
  /** Default: what the host has set up for the process, also when it does so later. */
  readonly meterProvider?: MeterProvider;
  /** Chooses which decisions are timed. 0 ≤ random() < 1. */
  readonly random?: () => number;
  readonly clock?: Clock;
}

interface Registration {
  readonly observables: ReadonlyMap<InstrumentId, Observable>;
  readonly histograms: ReadonlyMap<InstrumentId, Histogram>;
  readonly release: () => void;
}

/** Beats of embedded gates are no numbers of this process. */
const entries = (Object.entries(instruments) as [InstrumentId, Instrument][]).filter(
  ([id]) => !(id in beatInstruments),
);

/** Read in a callback of their own: what the log takes to answer holds up nothing else, nor does it take others along. */
const askedOfLog: readonly InstrumentId[] = ['ingestLag', 'detectLag'];

const histogramOf = (meter: Meter, { name, unit, description, buckets = [] }: Instrument): Histogram =>
  meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...buckets] } });

const observableOf = (meter: Meter, { name, kind, unit, description }: Instrument): Observable => {
  if (kind === 'counter') return meter.createObservableCounter(name, { unit, description });
  if (kind === 'gauge') return meter.createObservableGauge(name, { unit, description });
  return meter.createObservableUpDownCounter(name, { unit, description });
};

const lossKinds = ['rolled-back', 'flushed', 'failover'];

/**
 * The instruments of one meter provider. What is counted is counted in plain numbers and read when the host collects: a
 * decision pays for no attribute set and no aggregation, whether somebody collects or not, and several gates in one
 * process add up. Only durations are recorded one by one, and therefore by lot.
 */
export class Meters {
  readonly gates = watchedGates();
  readonly emitters = watchedEmitters();
  readonly blockLists = watchedBlockLists();
  readonly policies = new PolicyLoads();
  readonly checks = new Checks();
  readonly policyRecords = watchedPolicyRecords();
  readonly ingesters = watchedIngesters();
  readonly detectors = watchedDetectors();
  readonly relays = watchedRelays();
  readonly ruleStates = watchedRuleStates();
  readonly deliverers = watchedDeliverers();
  readonly alerts = watchedAlerts();
  readonly learning = watchedLearning();
  readonly reviewQueues = watchedReviewQueues();
  readonly health = watchedHealth();
  readonly logs = watchedLogs();
  readonly process = watchedProcess();
  readonly lags: Lags;
  readonly blocks: StoredBlocks;
  readonly audits: Audits;
  readonly #tally = new DecisionTally();
  /** By kind of loss. All are told from the start: of a counter that begins at 1, nobody sees that it grew. */
  readonly #losses = new Map<string, number>(lossKinds.map((kind) => [kind, 0]));
  readonly #options: MetersOptions;
  readonly #random: () => number;
  readonly #collect: BatchObservableCallback = (result) => this.#observe(result, this.#readings());
  readonly #collectLags: BatchObservableCallback = async (result) => this.#observe(result, await this.lags.read());
  #info: Attributes | null = null;
  #provider: MeterProvider | undefined;
  #registration: Registration | undefined;
  #untilTimed = 1;
  #untilStoreTimed = 1;

  constructor(options: MetersOptions = {}) {
    this.#options = options;
    this.#random = options.random ?? systemRandom;
    const { clock = systemClock } = options;
    this.lags = new Lags(clock);
    this.blocks = new StoredBlocks(clock);
    this.audits = new Audits(clock);
  }

  decided(decision: ObservedDecision, latencyUs: number): void {
    this.#tally.count(decision);
    this.#untilTimed -= 1;
    if (this.#untilTimed > 0) return;
    this.#untilTimed = this.#lot();
    this.follow();
    // One attribute: with two, recording takes twice as long. Who decided tells more of the time than the outcome does.
    this.#record('decisionDuration', latencyUs / 1_000_000, { 'tidegate.source': decision.source });
  }

  storeCalled(durationUs: number): void {
    this.#untilStoreTimed -= 1;
    if (this.#untilStoreTimed > 0) return;
    this.#untilStoreTimed = this.#lot();
    this.follow();
    this.#record('storeDuration', durationUs / 1_000_000, {});
  }

  countersLost(kind: string): void {
    this.#losses.set(kind, (this.#losses.get(kind) ?? 0) + 1);
    this.follow();
  }

  blockStored(block: ObservedBlock): void {
    const delayS = this.blocks.stored(block);
    if (delayS !== null) this.#record('ingestDelay', delayS, { 'tidegate.topic': block.topic });
  }

  inserted(topic: string, durationMs: number): void {
    this.#record('ingestInsertDuration', durationMs / 1000, { 'tidegate.topic': topic });
  }

  /** Says which process this is. */
  describe(info: Attributes): void {
    this.#info = info;
    this.follow();
  }

  /** Registers with the provider that there is now. One that the host sets up late is found by the next timed decision. */
  follow(): void {
    const provider = this.#options.meterProvider ?? metrics.getMeterProvider();
    if (provider === this.#provider) return;
    this.#registration?.release();
    this.#provider = provider;
    this.#registration = this.#register(provider.getMeter(meterName));
  }

  /** 1 to 31, 16 on average: a fixed step would time always the same of two requests that alternate. */
  #lot(): number {
    return 1 + Math.floor(this.#random() * (2 * durationsSampledOneIn - 1));
  }

  #record(id: InstrumentId, value: number, attributes: Attributes): void {
    this.#registration?.histograms.get(id)?.record(value, attributes);
  }

  #register(meter: Meter): Registration {
    const isHistogram = ([, { kind }]: [InstrumentId, Instrument]): boolean => kind === 'histogram';
    const histograms = new Map(entries.filter(isHistogram).map(([id, own]) => [id, histogramOf(meter, own)]));
    const observed = entries.filter((entry) => !isHistogram(entry));
    const observables = new Map(observed.map(([id, own]) => [id, observableOf(meter, own)]));
    const those = (isAsked: boolean): Observable[] =>
      [...observables].filter(([id]) => askedOfLog.includes(id) === isAsked).map(([, observable]) => observable);
    const callbacks = [
      [this.#collect, those(false)],
      [this.#collectLags, those(true)],
    ] as const;
    for (const [callback, of] of callbacks) meter.addBatchObservableCallback(callback, of);
    const release = (): void => {
      for (const [callback, of] of callbacks) meter.removeBatchObservableCallback(callback, of);
    };
    return { observables, histograms, release };
  }

  #observe(result: BatchObservableResult, readings: Iterable<Reading>): void {
    for (const { instrument, value, attributes } of readings) {
      const observable = this.#registration?.observables.get(instrument);
      if (observable) result.observe(observable, value, attributes);
    }
  }

  *#readings(): Generator<Reading> {
    for (const { outcome, source, policy, count } of this.#tally.rows()) {
      const named = policy === '' ? {} : { 'tidegate.policy': policy };
      const attributes = { 'tidegate.outcome': outcome, 'tidegate.source': source, ...named };
      yield { instrument: 'decisions', value: count, attributes };
    }
    for (const [reason, value] of this.#tally.degraded)
      yield { instrument: 'degraded', value, attributes: { 'tidegate.reason': reason } };
    for (const [loss, value] of this.#losses)
      yield { instrument: 'countersLost', value, attributes: { 'tidegate.loss': loss } };
    if (this.#info) yield { instrument: 'info', value: 1, attributes: this.#info };
    yield* this.#sources().flatMap((source) => [...source.read()]);
  }

  #sources(): readonly { read(): Iterable<Reading> }[] {
    const { gates, emitters, blockLists, policies, policyRecords } = this;
    const { ingesters, blocks, audits, checks, detectors, relays, ruleStates, deliverers, alerts, learning, logs } =
      this;
    const control = [relays, ruleStates, deliverers, alerts, learning];
    const pipeline = [ingesters, blocks, audits, checks, detectors, ...control, logs];
    return [
      gates,
      emitters,
      blockLists,
      policies,
      policyRecords,
      ...pipeline,
      this.reviewQueues,
      this.health,
      this.process,
    ];
  }
}
