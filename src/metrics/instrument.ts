import type { Attributes, MeterProvider } from '@opentelemetry/api';
import type { AlertsSource } from './alert-figures.ts';
import { countersLost, decisionTaken } from './channels.ts';
import { Meters, type MetersOptions } from './meter.ts';
import type {
  BlockListStatsSource,
  DelivererSource,
  DetectSource,
  EmitterStatsSource,
  GateStatsSource,
  HealthSource,
  IngestSource,
  LearningSource,
  LogSource,
  ObservedAudit,
  ObservedBlock,
  ObservedChecks,
  ObservedDecision,
  ObservedFacts,
  ObservedLoss,
  PolicyLoadSource,
  PolicyRecordsSource,
  ProcessSource,
  RelaySource,
  ReviewQueueSource,
  RuleStateSource,
} from './observed.ts';
import { noteOnSpan } from './span-event.ts';

/** Measures what happens in this process: decisions as they are taken, the rest when the host collects. */
export interface Instrumentation {
  /** Give it to a gate as its observer. */
  decided(decision: ObservedDecision, facts: ObservedFacts): void;
  /** Give it to a member of a fleet. */
  countersLost(loss: ObservedLoss): void;
  /** A gate's store has answered, or was given up, after so long. */
  storeCalled(durationUs: number): void;
  /** Give it to a policy file. */
  policiesRefused(): void;
  /** Each holds what it observes weakly and returns the way to stop. */
  observeGate(gate: GateStatsSource): () => void;
  observeEmitter(emitter: EmitterStatsSource): () => void;
  observeBlockList(blockList: BlockListStatsSource): () => void;
  observePolicies(policies: PolicyLoadSource): () => void;
  observePolicyRecords(records: PolicyRecordsSource): () => void;
  /** `topic`: what it ingests, of a few. */
  observeIngester(ingester: IngestSource, topic: string): () => void;
  observeDetector(detector: DetectSource): () => void;
  observeRelay(relay: RelaySource): () => void;
  observeRuleState(state: RuleStateSource): () => void;
  observeDeliverer(deliverer: DelivererSource): () => void;
  observeAlerts(alerts: AlertsSource): () => void;
  observeLearning(learning: LearningSource): () => void;
  observeReviewQueue(queue: ReviewQueueSource): () => void;
  observeHealth(health: HealthSource): () => void;
  observeLog(log: LogSource): () => void;
  observeProcess(process: ProcessSource): () => void;
  /** A block is stored and visible: what freshness and delay are told by. */
  blockStored(block: ObservedBlock): void;
  /** The database took so long for an insert. */
  inserted(topic: string, durationMs: number): void;
  /** What was stored before this process came: its newest event, milliseconds since the epoch. */
  foundStored(topic: string, newestEventAtMs: number): void;
  /** Log, ledger, rows and rollups were compared. Null: another process does that. */
  audited(audit: ObservedAudit | null): void;
  /** The process has looked at what it stands on. */
  checked(checks: ObservedChecks): void;
  /** Which process this is: a few attributes that never change. */
  describe(info: Attributes): void;
}

const both = (first: () => void, second: () => void) => (): void => {
  first();
  second();
};

const instrumentationOver = (meters: Meters): Instrumentation => {
  const watching =
    <Source>(set: { add(source: Source): () => void }) =>
    (source: Source): (() => void) => {
      meters.follow();
      return set.add(source);
    };
  return {
    decided(decision, facts) {
      meters.decided(decision, facts.latencyUs);
      decisionTaken(decision, facts);
      noteOnSpan(decision);
    },
    countersLost(loss) {
      meters.countersLost(loss.kind);
      countersLost(loss);
    },
    storeCalled: (durationUs) => meters.storeCalled(durationUs),
    policiesRefused() {
      meters.policies.refused();
    },
    observeGate: watching(meters.gates),
    observeEmitter: watching(meters.emitters),
    observeBlockList: watching(meters.blockLists),
    observePolicies: watching(meters.policies),
    observePolicyRecords: watching(meters.policyRecords),
    observeIngester(ingester, topic) {
      meters.follow();
      const attributes = { 'tidegate.topic': topic };
      return both(meters.ingesters.add(ingester, attributes), meters.lags.add(ingester, 'ingestLag', attributes));
    },
    observeDetector(detector) {
      meters.follow();
      return both(meters.detectors.add(detector), meters.lags.add(detector, 'detectLag'));
    },
    observeRelay: watching(meters.relays),
    observeRuleState: watching(meters.ruleStates),
    observeDeliverer: watching(meters.deliverers),
    observeAlerts: watching(meters.alerts),
    observeLearning: watching(meters.learning),
    observeReviewQueue: watching(meters.reviewQueues),
    observeHealth: watching(meters.health),
    observeLog: watching(meters.logs),
    observeProcess: watching(meters.process),
    blockStored: (block) => meters.blockStored(block),
    inserted: (topic, durationMs) => meters.inserted(topic, durationMs),
    foundStored: (topic, newestEventAtMs) => meters.blocks.foundStored(topic, newestEventAtMs),
    audited: (audit) => meters.audits.audited(audit),
    checked: (checks) => meters.checks.checked(checks),
    describe: (info) => meters.describe(info),
  };
};

const ofProcess = instrumentationOver(new Meters());
const ofProvider = new WeakMap<MeterProvider, Instrumentation>();

/**
 * The instrumentation of this process, one for all its gates: two registrations of one instrument would overwrite each
 * other. Without a provider it follows the one that the host sets up globally, before or after; until then it counts and
 * nobody reads.
 */
export const instrument = ({ meterProvider, ...options }: MetersOptions = {}): Instrumentation => {
  if (!meterProvider) return ofProcess;
  const known = ofProvider.get(meterProvider);
  if (known) return known;
  const made = instrumentationOver(new Meters({ ...options, meterProvider }));
  ofProvider.set(meterProvider, made);
  return made;
};

/** Measures an emitter: `tidegate.events.*`. Call what it returns when the emitter is closed. */
export const observeEmitter = (emitter: EmitterStatsSource): (() => void) => ofProcess.observeEmitter(emitter);

/** Measures a block list in process: `tidegate.block_list.*`. */
export const observeBlockList = (blockList: BlockListStatsSource): (() => void) =>
  ofProcess.observeBlockList(blockList);
