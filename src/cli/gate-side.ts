import { randomBytes } from 'node:crypto';
import { BlockListReplica } from '../blocklist/replica.ts';
import { systemRandom } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { createEmitter, type Emitter } from '../event/emitter.ts';
import { type EventLog, topics } from '../event/event-log.ts';
import { createGate, type Gate } from '../gate/gate.ts';
import { gateReporter } from '../gate/gate-reporter.ts';
import { PolicyRecords } from '../gate/policy-records.ts';
import type { CountersLost, Fleet } from '../limiter/fleet.ts';
import type { GateReport } from '../limiter/gate-report.ts';
import type { Logger } from '../logger.ts';
import type { Instrumentation } from '../metrics/instrument.ts';
import type { PolicySource } from '../policy/policy.ts';
import { watchPolicyFile } from '../policy/policy-file.ts';
import type { Context } from './context.ts';
import { type Counters, openSecondary } from './engines.ts';
import { manifest } from './manifest.ts';
import type { Opened } from './opened.ts';
import { shippedFiles } from './settings.ts';

/** What decides: the gate, what it reads and where it reports to. */
export interface GateSide {
  /** Names the gate among those who share the limits. */
  readonly gateId: string;
  readonly gate: Gate;
  readonly emitter: Emitter;
  readonly replica: BlockListReplica;
  /** Those who share the limits. */
  readonly fleet: Fleet;
  readonly policies: PolicySource;
}

export interface GateSideOptions {
  readonly policies: PolicySource;
  readonly counters: Pick<Counters, 'limitStore' | 'blockList' | 'join' | 'listName'>;
  readonly log: EventLog;
  readonly measuring: Instrumentation;
  readonly opened: Opened;
  /** What this process is, for people who look at the gates. */
  readonly service: 'up' | 'serve';
}

/** The policies of this process, watched. @throws TidegateError POLICY_INVALID. */
export const openPolicies = async (
  { config, clock, logger }: Context,
  opened: Opened,
  measuring: Instrumentation,
): Promise<PolicySource> => {
  const path = config.policiesFile ?? shippedFiles.policies;
  const onRefused = (): void => measuring.policiesRefused();
  return opened.add(await watchPolicyFile({ path, clock, logger, onRefused }), (source) => source.close());
};

/** Where the file of the last run told a list, that one stays in force: see BlockListReplica. */
const goOnWith = (replica: BlockListReplica, error: unknown, logger: Logger): void => {
  if (replica.ageMs() === null) throw error;
  const fields = { err: messageOf(error), ageMs: replica.ageMs(), entries: replica.size };
  logger.warn(fields, 'block list out of reach: begins with the one of the last run');
};

/** Opens the deciding half of a process: a block list that follows, a gate, events that flow. */
export const openGateSide = async (context: Context, options: GateSideOptions): Promise<GateSide> => {
  const { policies, counters, log, opened, measuring } = options;
  const { config, clock, logger } = context;
  const replica = new BlockListReplica({
    feed: counters.blockList,
    clock,
    logger,
    random: systemRandom,
    ...(config.blockListFile === null ? {} : { snapshotFile: config.blockListFile, listName: counters.listName }),
  });
  await replica.load();
  await replica.sync().catch((error: unknown) => goOnWith(replica, error, logger));
  replica.follow({ pollMs: config.blockPollMs });
  opened.add(replica, (follower) => follower.stop());
  const writer = opened.add(await log.writer(topics.decisions), (frames) => frames.close());
  const emitterId = `${config.region}-${randomBytes(6).toString('hex')}`;
  const emitter = createEmitter({ writer, clock, logger, emitterId, region: config.region, mode: config.events });
  const policyVersion = (): string => policies.current().version;
  const onCountersLost = (lost: CountersLost): void => measuring.countersLost(lost);
  let report: (() => GateReport) | null = null;
  const member = await counters.join({
    gateId: emitterId,
    policyVersion,
    report: () => report?.() ?? null,
    onCountersLost,
  });
  const fleet = opened.add(member, (leaving) => leaving.stop());
  const secondary = await openSecondary({ ...config, logger }, opened);
  const gate = createGate({
    policies,
    store: counters.limitStore,
    ...(secondary ? { secondary } : {}),
    blockList: replica,
    events: emitter,
    clock,
    random: systemRandom,
    deadlineMs: config.storeDeadlineMs,
    liveGates: () => fleet.liveGates(),
    observer: measuring,
  });
  opened.add(gate, (closing) => closing.close());
  const told = { region: config.region, service: options.service, version: manifest().version };
  report = gateReporter({ gate, blockList: replica, emitter, clock, ...told });
  measuring.observePolicies(policies);
  measuring.observeGate(gate);
  measuring.observeEmitter(emitter);
  measuring.observeBlockList(replica);
  const records = new PolicyRecords({ policies, log, gate: emitterId, region: config.region, clock, logger });
  opened.add(records, (closing) => closing.close());
  measuring.observePolicyRecords(records);
  return { gateId: emitterId, gate, emitter, replica, fleet, policies };
};
