import type { MeterProvider } from '@opentelemetry/api';
import { countersLost, decisionTaken } from './channels.ts';
import { Meters, type MetersOptions } from './meter.ts';
import type {
  BlockListStatsSource,
  EmitterStatsSource,
  GateStatsSource,
  ObservedDecision,
  ObservedFacts,
  ObservedLoss,
  PolicyLoadSource,
} from './observed.ts';
import { noteOnSpan } from './span-event.ts';

/** Measures what happens in this process: decisions as they are taken, the rest when the host collects. */
export interface Instrumentation {
  /** Give it to a gate as its observer. */
  decided(decision: ObservedDecision, facts: ObservedFacts): void;
  /** Give it to a member of a fleet. */
  countersLost(loss: ObservedLoss): void;
  /** Give it to a policy file. */
  policiesRefused(): void;
  /** Each holds what it observes weakly and returns the way to stop. */
  observeGate(gate: GateStatsSource): () => void;
  observeEmitter(emitter: EmitterStatsSource): () => void;
  observeBlockList(blockList: BlockListStatsSource): () => void;
  observePolicies(policies: PolicyLoadSource): () => void;
}

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
    policiesRefused() {
      meters.policies.refused();
    },
    observeGate: watching(meters.gates),
    observeEmitter: watching(meters.emitters),
    observeBlockList: watching(meters.blockLists),
    observePolicies: watching(meters.policies),
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
