import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Redis } from 'ioredis';
import type { BlockSubject } from '../../../src/client.ts';
import { systemClock } from '../../../src/clock.ts';
import { RedisBlockList } from '../../../src/redis/block-list.ts';
import { openRedis } from '../../../src/redis/client.ts';
import { projectFolder } from '../../services/folders.ts';
import type { Contest, Duel, Setting } from '../contest.ts';
import { peerRedis } from '../enforcement/peers.ts';

const entriesPerPipeline = 1000;

/** Distinct addresses from all over: an odd factor visits every number of 32 bits once. */
const madeAddresses = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => {
    const bits = Math.imul(index + 1, 2654435761) >>> 0;
    return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');
  });

/** A published list where one lies beside the project, else one that is made up and as long. */
const listedAddresses = (): readonly string[] => {
  const published = join(projectFolder, '../shared/data/ipsum.tsv.gz');
  if (!existsSync(published)) return madeAddresses(120_000);
  const rows = gunzipSync(readFileSync(published)).toString().split('\n');
  return rows.filter((row) => /^\d/.test(row)).map((row) => row.split('\t', 1)[0] ?? '');
};

const importInto = async (list: RedisBlockList, ids: readonly string[]): Promise<void> => {
  const subjects = ids.map((id): BlockSubject => ({ kind: 'ip', id }));
  const untilMs = systemClock.nowMs() + 86_400_000;
  const order = { list: 'bench', subjects, action: { kind: 'refuse' } as const, untilMs, actor: 'bench', note: '' };
  const { added } = await list.importList(order);
  if (added !== ids.length) throw new Error(`${added} entries of ${ids.length} were added`);
};

/** What a hand-made block list would be: a field for each address in one hash, its end as the value. */
const writeFields = async (redis: Redis, key: string, ids: readonly string[]): Promise<void> => {
  const untilMs = systemClock.nowMs() + 86_400_000;
  for (let from = 0; from < ids.length; from += entriesPerPipeline) {
    const pipeline = redis.pipeline();
    for (const id of ids.slice(from, from + entriesPerPipeline)) pipeline.hset(key, id, untilMs);
    await pipeline.exec();
  }
  const held = await redis.hlen(key);
  if (held !== ids.length) throw new Error(`${held} fields of ${ids.length} were written`);
};

/** Both sides on an empty server, each measured by `measure` around its work. */
const openDuel = async (
  { redisUrl }: Setting,
  ids: readonly string[],
  measure: (redis: Redis, work: () => Promise<void>) => Promise<number>,
): Promise<Duel> => {
  const redis = await openRedis({ url: redisUrl });
  const bare = await peerRedis(redisUrl);
  const measured = async (work: () => Promise<void>): Promise<number> => {
    await bare.flushall();
    const value = await measure(bare, work);
    await bare.flushall();
    return value;
  };
  return {
    ours: () =>
      measured(() => importInto(new RedisBlockList({ redis, namespace: randomBytes(6).toString('hex') }), ids)),
    theirs: () => measured(() => writeFields(bare, 'bare', ids)),
    close: async () => {
      redis.disconnect();
      bare.disconnect();
      await Promise.resolve();
    },
  };
};

const secondsOf = async (_: Redis, work: () => Promise<void>): Promise<number> => {
  const fromMs = performance.now();
  await work();
  return (performance.now() - fromMs) / 1000;
};

const usedBytes = async (redis: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);

const megabytesOf = async (redis: Redis, work: () => Promise<void>): Promise<number> => {
  const before = await usedBytes(redis);
  await work();
  return ((await usedBytes(redis)) - before) / 1_000_000;
};

/** Until every entry is in force, checked, told in the change log and audited. */
export const import120k: Contest = {
  name: 'import-120k',
  unit: 's',
  better: 'lower',
  reference: 'HSET of the same entries, pipelined, and nothing else',
  aim: null,
  about:
    'A list of 120,000 addresses into an empty block list in Redis: read, checked against allow list and tombstones, spread over packed hashes, told in the change log. Beside it one HSET for each address into one hash, 1000 in a pipeline. At most 2 s are wanted.',
  needsRedis: true,
  open: (setting) => openDuel(setting, listedAddresses(), secondsOf),
};

const million = 1_000_000;

/** What so many entries take of the server's memory. */
export const listMemory: Contest = {
  name: 'list-memory',
  unit: 'MB',
  better: 'lower',
  reference: 'one hash with a field for each address, its end as the value',
  aim: null,
  about:
    'What Redis says it uses for a block list of 1,000,000 imported addresses, with the change records that are kept of them. At most 40 MB are wanted.',
  needsRedis: true,
  maxRounds: 1,
  open: (setting) => openDuel(setting, madeAddresses(million), megabytesOf),
};
