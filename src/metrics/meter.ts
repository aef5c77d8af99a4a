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
import { systemRandom } from '../clock.ts';
import { DecisionTally } from './decision-tally.ts';
import { watchedBlockLists, watchedEmitters, watchedGates } from './figures.ts';
import {
  durationBucketsS,
  durationsSampledOneIn,
  type Instrument,
  type InstrumentId,
  instruments,
  meterName,
} from './instruments.ts';
import type { ObservedDecision } from './observed.ts';
import { PolicyLoads } from './policy-loads.ts';

export interface MetersOptions {
  /** Default: what the host has set up for the process, also when it does so later. */
  readonly meterProvider?: MeterProvider;
  /** Chooses which decisions are timed. 0 ≤ random() < 1. */
  readonly random?: () => number;
}

interface Registration {
  readonly meter: Meter;
  readonly observables: ReadonlyMap<InstrumentId, Observable>;
  readonly durations: Histogram;
}

const observableOf = (meter: Meter, { name, kind, unit, description }: Instrument): Observable => {
  if (kind === 'counter') return meter.createObservableCounter(name, { unit, description });
  if (kind === 'gauge') return meter.createObservableGauge(name, { unit, description });
  return meter.createObservableUpDownCounter(name, { unit, description });
};

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
  readonly #tally = new DecisionTally();
  /** By kind of loss. */
  readonly #losses = new Map<string, number>();
  readonly #options: MetersOptions;
  readonly #random: () => number;
  readonly #collect: BatchObservableCallback = (result) => this.#observe(result);
  #provider: MeterProvider | undefined;
  #registration: Registration | undefined;
  #untilTimed = 1;

  constructor(options: MetersOptions = {}) {
    this.#options = options;
    this.#random = options.random ?? systemRandom;
  }

  decided(decision: ObservedDecision, latencyUs: number): void {
    this.#tally.count(decision);
    this.#untilTimed -= 1;
    if (this.#untilTimed > 0) return;
    // 1 to 31, 16 on average: a fixed step would time always the same of two requests that alternate.
    this.#untilTimed = 1 + Math.floor(this.#random() * (2 * durationsSampledOneIn - 1));
    this.follow();
    // One attribute: with two, recording takes twice as long. Who decided tells more of the time than the outcome does.
    this.#registration?.durations.record(latencyUs / 1_000_000, { 'tidegate.source': decision.source });
  }

  countersLost(kind: string): void {
    this.#losses.set(kind, (this.#losses.get(kind) ?? 0) + 1);
    this.follow();
  }

  /** Registers with the provider that there is now. One that the host sets up late is found by the next timed decision. */
  follow(): void {
    const provider = this.#options.meterProvider ?? metrics.getMeterProvider();
    if (provider === this.#provider) return;
    this.#release();
    this.#provider = provider;
    this.#registration = this.#register(provider.getMeter(meterName));
  }

  #register(meter: Meter): Registration {
    const { decisionDuration, ...observed } = instruments;
    const entries = Object.entries(observed) as [InstrumentId, Instrument][];
    const observables = new Map(entries.map(([id, instrument]) => [id, observableOf(meter, instrument)]));
    const durations = meter.createHistogram(decisionDuration.name, {
      unit: decisionDuration.unit,
      description: decisionDuration.description,
      advice: { explicitBucketBoundaries: [...durationBucketsS] },
    });
    meter.addBatchObservableCallback(this.#collect, [...observables.values()]);
    return { meter, observables, durations };
  }

  #release(): void {
    if (!this.#registration) return;
    const { meter, observables } = this.#registration;
    meter.removeBatchObservableCallback(this.#collect, [...observables.values()]);
    this.#registration = undefined;
  }

  #observe(result: BatchObservableResult): void {
    const observables = this.#registration?.observables;
    const observe = (id: InstrumentId, value: number, attributes?: Attributes): void => {
      const observable = observables?.get(id);
      if (observable) result.observe(observable, value, attributes);
    };
    for (const { outcome, source, policy, count } of this.#tally.rows()) {
      const named = policy === '' ? {} : { 'tidegate.policy': policy };
      observe('decisions', count, { 'tidegate.outcome': outcome, 'tidegate.source': source, ...named });
    }
    for (const [reason, count] of this.#tally.degraded) observe('degraded', count, { 'tidegate.reason': reason });
    for (const [loss, count] of this.#losses) observe('countersLost', count, { 'tidegate.loss': loss });
    for (const watched of [this.gates, this.emitters, this.blockLists, this.policies]) {
      for (const [id, number] of watched.read()) observe(id, number);
    }
  }
}
