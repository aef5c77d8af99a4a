import type { BlockList } from '../blocklist/block-list.ts';
import { BlockListReplica } from '../blocklist/replica.ts';
import { clientKeyOf, subjectFromKey } from '../client.ts';
import { type Clock, ManualClock } from '../clock.ts';
import { createDetector } from '../detect/detector.ts';
import type { RuleSet } from '../detect/rule.ts';
import { parseDurationMs } from '../duration.ts';
import { TidegateError } from '../errors.ts';
import { createEmitter, type Emitter } from '../event/emitter.ts';
import type { EventLog, FrameWriter } from '../event/event-log.ts';
import { createGate } from '../gate/gate.ts';
import type { LimitStore } from '../limiter/limit-store.ts';
import { MemoryLimitStore } from '../limiter/memory-limit-store.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { PolicySet } from '../policy/policy.ts';
import { staticPolicies } from '../policy/static-source.ts';
import type { LoggedRequest } from './access-log-line.ts';
import { type Follower, loggedRequests, type RequestSource, replayInLockStep } from './lock-step.ts';
import { logStampClock, logTimeClock } from './log-clock.ts';
import { type Promotions, rememberPromotions } from './promotions.ts';
import { EventFrames, type ScenarioEvent } from './scenario-events.ts';
import type { Expected, TrafficFile } from './scenario-files.ts';
import { ScenarioTraffic } from './scenario-traffic.ts';
import type { OutcomeCounts } from './tally.ts';

/** What a scenario plays. */
export type ScenarioInput =
  | { readonly kind: 'traffic'; readonly traffic: TrafficFile }
  | { readonly kind: 'events'; readonly events: readonly ScenarioEvent[] }
  | { readonly kind: 'access-log'; readonly requests: readonly LoggedRequest[] };

/** Empty ones for every run, on the clock of the scenario. */
export interface ScenarioEngines {
  readonly blockList: BlockList;
  readonly log: EventLog;
}

export interface ScenarioRunOptions {
  readonly input: ScenarioInput;
  readonly policies: PolicySet;
  readonly rules: RuleSet;
  readonly allow: NonNullable<Expected['allow']>;
  /** When it begins, milliseconds since the epoch; what has times of its own begins at those. */
  readonly startMs: number;
  readonly open: (clock: Clock) => Promise<ScenarioEngines> | ScenarioEngines;
  /** For what waits on engines; nothing of it is in the outcome. */
  readonly wallClock: Clock;
  readonly logger?: Logger;
}

/** What came of one run. */
export interface ScenarioOutcome {
  /** When the first request or event was. */
  readonly beganMs: number;
  readonly promotions: Promotions;
  /** Null: events were given, nobody asked. */
  readonly decided: (OutcomeCounts & { readonly decisions: number }) | null;
  /** Keys of the identities that a block refused at least once. */
  readonly touched: ReadonlySet<string>;
}

const topic = 'scenario';
/** Wall time for one step. A detector that fails tries again for ever, and a scenario would wait for ever. */
const patienceMs = 60_000;
/** Log time stands still during a step: without it no decision is degraded by a slow moment. */
const deadlineMs = 60_000;
const yearMs = 365 * 86_400_000;

type Outages = NonNullable<TrafficFile['outages']>;

/** A store that fails between instants. */
const failing = (inner: LimitStore, outages: Outages, sinceStartMs: () => number): LimitStore => {
  const spans = outages.map(({ from, until }) => [parseDurationMs(from) ?? 0, parseDurationMs(until) ?? 0] as const);
  const isAway = (): boolean => {
    const atMs = sinceStartMs();
    return spans.some(([fromMs, untilMs]) => atMs >= fromMs && atMs < untilMs);
  };
  return {
    immediate: false,
    spend: async (spends) => {
      if (isAway()) throw new TidegateError('STORE_FAILED', 'the scenario has the store away', { retryable: true });
      return inner.spend(spends);
    },
    giveBack: async (returns) => inner.giveBack(returns),
    close: () => inner.close(),
  };
};

/** The same source; notes who is refused by a block. */
const noting = (source: RequestSource, touched: Set<string>): RequestSource => {
  let asked: ReturnType<RequestSource['next']> = null;
  return {
    next: () => {
      asked = source.next();
      return asked;
    },
    answered: (index, decision) => {
      source.answered?.(index, decision);
      if (decision.outcome !== 'blocked') return;
      for (const client of asked?.requests[index]?.clients ?? []) touched.add(clientKeyOf(client));
    },
  };
};

const patient = (detector: Follower, wallClock: Clock): Follower => ({
  whenReached: (positions) =>
    new Promise((resolve, reject) => {
      const message = `the detector has not got on for ${patienceMs / 1000} s`;
      const timer = wallClock.schedule(patienceMs, () => reject(new TidegateError('LOG_FAILED', message)));
      void detector
        .whenReached(positions)
        .then(resolve, reject)
        .finally(() => timer.cancel());
    }),
});

interface Stage {
  readonly options: ScenarioRunOptions;
  readonly clock: ManualClock;
  readonly engines: ScenarioEngines;
  readonly detector: Follower;
  readonly writer: FrameWriter;
  readonly touched: Set<string>;
}

const sourceOf = (input: Exclude<ScenarioInput, { kind: 'events' }>, startMs: number): RequestSource =>
  input.kind === 'traffic' ? new ScenarioTraffic(input.traffic, startMs) : loggedRequests(input.requests);

const emitterOf = ({ options, clock, writer }: Stage): Emitter =>
  createEmitter({
    writer,
    clock: logTimeClock(clock, options.wallClock),
    emitterId: topic,
    region: topic,
    ...(options.logger ? { logger: options.logger } : {}),
  });

/** Requests through a real gate, each behind what the block list has made of those before. */
const ask = async (stage: Stage, input: Exclude<ScenarioInput, { kind: 'events' }>) => {
  const { options, clock, engines, detector, touched } = stage;
  const { policies, startMs, wallClock } = options;
  const outages = input.kind === 'traffic' ? (input.traffic.outages ?? []) : [];
  const counters = new MemoryLimitStore({ clock });
  const replica = new BlockListReplica({ feed: engines.blockList, clock });
  const emitter = emitterOf(stage);
  const gate = createGate({
    policies: staticPolicies(policies),
    store: outages.length > 0 ? failing(counters, outages, () => clock.nowMs() - startMs) : counters,
    leases: false,
    denyCache: false,
    blockList: replica,
    events: emitter,
    clock,
    deadlineMs,
    random: () => 0.5,
    notifiesClients: input.kind === 'traffic',
  });
  try {
    const source = noting(sourceOf(input, startMs), touched);
    const parts = { source, logClock: clock, wallClock, gate, emitter, detector, replica };
    const { tally } = await replayInLockStep(parts);
    await emitter.close();
    const { clients: _, ...decided } = tally.totals();
    return decided;
  } finally {
    await gate.close();
    await replica.stop();
  }
};

/** Events as a gate would have written them, those of one instant together. */
const write = async ({ options, clock, detector, writer }: Stage, events: readonly ScenarioEvent[]): Promise<void> => {
  const frames = new EventFrames(writer, options.startMs);
  for (let from = 0; from < events.length; ) {
    const [first] = events.slice(from, from + 1);
    let to = from + 1;
    while (to < events.length && events[to]?.timeMs === first?.timeMs) to += 1;
    // A late event comes late: time does not go back for it.
    clock.setMs(Math.max(clock.nowMs(), first ? frames.timeOf(first) : 0));
    await detector.whenReached(await frames.append(events.slice(from, to)));
    from = to;
  }
};

const beginningOf = ({ input, startMs }: ScenarioRunOptions): number => {
  if (input.kind === 'access-log') return input.requests[0]?.timeMs ?? startMs;
  if (input.kind === 'traffic') return startMs;
  const [first] = input.events;
  return first && !first.relative ? first.timeMs : startMs;
};

/** Lets a scenario happen on engines of its own. The same scenario and start, the same outcome. */
export const runScenario = async (options: ScenarioRunOptions): Promise<ScenarioOutcome> => {
  const { input, rules, wallClock, logger = silentLogger } = options;
  const beganMs = beginningOf(options);
  const clock = new ManualClock(beganMs);
  const engines = await options.open(logTimeClock(clock, wallClock));
  const promotions = rememberPromotions(engines.blockList);
  const detector = createDetector({
    log: engines.log,
    rules,
    blockList: promotions.promoter,
    clock: logStampClock(clock, wallClock),
    logger,
    topic,
    group: topic,
  });
  const touched = new Set<string>();
  try {
    for (const { subject: key, kind = 'allow' } of options.allow) {
      const subject = subjectFromKey(key);
      const entry = { kind, untilMs: beganMs + yearMs, actor: topic, note: 'expected.json' };
      if (subject) await engines.blockList.allow({ ...entry, subject });
    }
    const writer = await engines.log.writer(topic);
    await detector.start();
    const follower = patient(detector, wallClock);
    const stage = { options, clock, engines, detector: follower, writer, touched };
    const decided =
      input.kind === 'events' ? await write(stage, input.events).then(() => null) : await ask(stage, input);
    await follower.whenReached(await engines.log.endPositions(topic));
    return { beganMs, promotions, decided, touched };
  } finally {
    await detector.stop();
    await engines.log.close();
    await engines.blockList.close();
  }
};
