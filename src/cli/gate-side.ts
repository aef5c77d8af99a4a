import { randomBytes } from 'node:crypto';
import { BlockListReplica } from '../blocklist/replica.ts';
import { systemRandom } from '../clock.ts';
import { createEmitter, type Emitter } from '../event/emitter.ts';
import { type EventLog, topics } from '../event/event-log.ts';
import { createGate, type Gate } from '../gate/gate.ts';
import { watchPolicyFile } from '../policy/policy-file.ts';
import type { Context } from './context.ts';
import type { Counters } from './engines.ts';
import type { Opened } from './opened.ts';
import { shippedFiles } from './settings.ts';

/** What decides: the gate, what it reads and where it reports to. */
export interface GateSide {
  readonly gate: Gate;
  readonly emitter: Emitter;
  readonly replica: BlockListReplica;
}

export interface GateSideOptions {
  readonly counters: Pick<Counters, 'limitStore' | 'blockList'>;
  readonly log: EventLog;
  readonly opened: Opened;
}

/** Opens the deciding half of a process: policies that are watched, a block list that follows, events that flow. */
export const openGateSide = async (context: Context, { counters, log, opened }: GateSideOptions): Promise<GateSide> => {
  const { config, clock, logger } = context;
  const path = config.policiesFile ?? shippedFiles.policies;
  const policies = opened.add(await watchPolicyFile({ path, clock, logger }), (source) => source.close());
  const replica = new BlockListReplica({ feed: counters.blockList, clock, logger, random: systemRandom });
  await replica.sync();
  replica.follow({ pollMs: config.blockPollMs });
  opened.add(replica, (follower) => follower.stop());
  const writer = opened.add(await log.writer(topics.decisions), (frames) => frames.close());
  const emitterId = `${config.region}-${randomBytes(6).toString('hex')}`;
  const emitter = createEmitter({ writer, clock, logger, emitterId, region: config.region });
  const gate = createGate({
    policies,
    store: counters.limitStore,
    blockList: replica,
    events: emitter,
    clock,
    random: systemRandom,
    deadlineMs: config.storeDeadlineMs,
  });
  opened.add(gate, (closing) => closing.close());
  return { gate, emitter, replica };
};
