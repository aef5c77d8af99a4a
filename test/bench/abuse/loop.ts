import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../../src/clock.ts';
import { RedisBlockList } from '../../../src/redis/block-list.ts';
import { openRedis } from '../../../src/redis/client.ts';
import type { Contest, Duel, Setting } from '../contest.ts';
import { p99 } from '../load.ts';
import { type BareLoop, openBareLoop } from './loop-bare.ts';
import { flowRowsPerSecond, gateCount, preciseNowMs } from './loop-orders.ts';
import { type LoopStage, openLoopStage } from './loop-stage.ts';

const clientsPerRound = 100;
/** Apart enough that no client waits for another one. */
const everyMs = 40;
/** Kafka's group has formed, code is warm. */
const warmUpMs = 3_000;

interface Parts {
  readonly stage: LoopStage;
  readonly bare: BareLoop;
  readonly list: RedisBlockList;
}

type Sample = (client: string, parts: Parts) => Promise<number>;

let clients = 0;

/** The p99 of how long it took until the last gate knew, milliseconds. */
const roundOf = (sample: Sample, parts: Parts) => async (): Promise<number> => {
  const samples: Promise<number>[] = [];
  for (let index = 0; index < clientsPerRound; index += 1) {
    clients += 1;
    samples.push(sample(`pushing-${clients}`, parts));
    await pause(everyMs);
  }
  return p99(await Promise.all(samples));
};

const blockOurs: Sample = async (client, { stage }) => {
  const seen = stage.lastSeen(client, true);
  const pushed = await stage.push(client);
  return (await seen) - pushed;
};

const blockBare: Sample = async (client, { stage, bare }) => {
  const heard = stage.lastHeard(client);
  const from = preciseNowMs();
  await bare.announce(client);
  return (await heard) - from;
};

const liftOurs: Sample = async (client, { stage, list }) => {
  const seen = stage.lastSeen(client, true);
  const act = { actor: 'bench', note: 'a block to be lifted' };
  const untilMs = systemClock.nowMs() + 3_600_000;
  const added = await list.add({ ...act, subject: { kind: 'key', id: client }, action: { kind: 'refuse' }, untilMs });
  if (added.kind !== 'added') throw new Error(`${client} was not blocked: ${added.reason}`);
  await seen;
  const gone = stage.lastSeen(client, false);
  const from = preciseNowMs();
  await list.transition(added.block.id, { ...act, kind: 'lift', reason: 'goodwill' });
  return (await gone) - from;
};

const liftBare: Sample = async (client, { stage, bare }) => {
  const heard = stage.lastHeard(client);
  const from = preciseNowMs();
  await bare.withdraw(client);
  return (await heard) - from;
};

const openLoop =
  (ours: Sample, theirs: Sample) =>
  async (setting: Setting): Promise<Duel> => {
    const stage = await openLoopStage(setting);
    const bare = await openBareLoop(setting, stage.namespace);
    const redis = await openRedis({ url: setting.redisUrl });
    const parts = { stage, bare, list: new RedisBlockList({ redis, namespace: stage.namespace }) };
    await pause(warmUpMs);
    return {
      ours: roundOf(ours, parts),
      theirs: roundOf(theirs, parts),
      close: async () => {
        stage.close();
        await bare.close();
        redis.disconnect();
      },
    };
  };

const shared = { unit: 'ms', better: 'lower', aim: null, needsRedis: true, needsKafka: true, maxRounds: 5 } as const;
const setting = `${gateCount} gate processes at default settings, ${flowRowsPerSecond.toLocaleString('en')} event rows/s flowing`;

/** From the denial that completes the evidence to a block in every gate. */
export const blockP99: Contest = {
  ...shared,
  name: 'block-p99',
  reference: 'one Kafka record, one Redis field and a Redis message to all gates',
  about: `From the deciding denial until the last gate refuses the client, p99 of ${clientsPerRound}; ${setting}. At most 500 ms are wanted.`,
  open: openLoop(blockOurs, blockBare),
};

/** From a person's lift to a release in every gate. */
export const liftP99: Contest = {
  ...shared,
  name: 'lift-p99',
  reference: 'one Redis field removed and a Redis message to all gates',
  about: `From the call that lifts a block until the last gate lets the client in again, p99 of ${clientsPerRound}; ${setting}. At most 500 ms are wanted.`,
  open: openLoop(liftOurs, liftBare),
};
