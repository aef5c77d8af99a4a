import type { Redis } from 'ioredis';
import type { BlockQuery } from '../../../src/blocklist/block-review.ts';
import { systemClock } from '../../../src/clock.ts';
import type { Contest, Duel, Sample, Setting } from '../contest.ts';
import { peerRedis } from '../enforcement/peers.ts';
import { type BigQueue, bigQueue } from './big-queue.ts';

const blocksPerPage = 50;
const pagesPerRound = 30;
const dayMs = 86_400_000;

/** What people look at. Each is read page by page, from the beginning again after three. */
const queries: Readonly<Record<string, BlockQuery>> = {
  newest: { states: ['proposed', 'active'], isUnjudged: true },
  oldest: { states: ['proposed', 'active'], isUnjudged: true, sort: 'oldest' },
  ending: { states: ['proposed', 'active'], isUnjudged: true, sort: 'ending' },
  'most-denied': { states: ['proposed', 'active'], isUnjudged: true, sort: 'most-denied' },
  everything: {},
  expired: { states: ['expired'], sort: 'ending' },
  'rare-rule': { states: ['proposed', 'active'], rule: 'rare', sort: 'most-denied' },
  kind: { states: ['active'], subjectKinds: ['user'], sort: 'ending' },
  tenant: { tenants: ['tenant-7'], sort: 'most-denied' },
  assignee: { assignee: 'ada', isUnjudged: true },
  unassigned: { states: ['proposed'], assignee: '', sort: 'oldest' },
  'min-denied': { states: ['active'], minDenied: 4000 },
  'an-hour': { madeFromMs: -3 * dayMs, madeToMs: -3 * dayMs + dayMs / 24, sort: 'ending' },
};

/** Ages become instants. */
const askedNow = (query: BlockQuery): BlockQuery => {
  const { madeFromMs, madeToMs } = query;
  if (madeFromMs === undefined || madeToMs === undefined) return query;
  const nowMs = systemClock.nowMs();
  return { ...query, madeFromMs: nowMs + madeFromMs, madeToMs: nowMs + madeToMs };
};

const p95Of = (times: readonly number[]): number =>
  [...times].sort((left, right) => left - right)[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN;

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const fromMs = performance.now();
  await work();
  return performance.now() - fromMs;
};

/** Of each query the time in which 95 of 100 pages are there, milliseconds. */
const ourPages = async ({ list }: BigQueue): Promise<Sample> => {
  const sample: Record<string, number> = {};
  for (const [name, query] of Object.entries(queries)) {
    const asked = askedNow(query);
    const times: number[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < pagesPerRound; page += 1) {
      const from: string | null = page % 3 === 0 ? null : cursor;
      times.push(
        await timed(async () => {
          const told = await list.list({ ...asked, limit: blocksPerPage, ...(from !== null && { cursor: from }) });
          cursor = told.nextCursor;
        }),
      );
    }
    sample[name] = p95Of(times);
  }
  return sample;
};

/** The least that a page can be: fifty ids of one sorted set, and their blocks. */
const barePages = async (bare: Redis, prefix: string): Promise<Sample> => {
  const times: number[] = [];
  for (let page = 0; page < pagesPerRound; page += 1) {
    times.push(
      await timed(async () => {
        const ids = await bare.zrevrange(`${prefix}blocks`, page * blocksPerPage, (page + 1) * blocksPerPage - 1);
        const pipeline = bare.pipeline();
        for (const id of ids) pipeline.hgetall(`${prefix}block:${id}`);
        await pipeline.exec();
      }),
    );
  }
  const p95 = p95Of(times);
  return Object.fromEntries(Object.keys(queries).map((name) => [name, p95]));
};

const open = async ({ redisUrl }: Setting): Promise<Duel<Sample>> => {
  const bare = await peerRedis(redisUrl);
  await bare.flushall();
  const queue = await bigQueue(redisUrl, bare);
  process.stderr.write(`a million blocks, ${Math.round(queue.bytesPerBlock)} bytes each\n`);
  return {
    ours: () => ourPages(queue),
    theirs: () => barePages(bare, queue.prefix),
    close: async () => {
      queue.redis.disconnect();
      await bare.flushall('ASYNC');
      bare.disconnect();
    },
  };
};

export const queuePage: Contest = {
  name: 'queue-page',
  unit: 'ms',
  better: 'lower',
  reference: 'one ZREVRANGE and 50 HGETALL',
  aim: null,
  about:
    'A million blocks in one Redis: the time in which 95 of 100 pages of 50 blocks are there, for each order and for what people filter by. Beside it the least that a page can cost: fifty ids of one sorted set, and their blocks. The aim is at most 100 ms for the queue: newest, oldest, ending, most-denied.',
  needsRedis: true,
  maxRounds: 3,
  timeoutMs: 600_000,
  facets: Object.keys(queries).map((name) => ({ name: `${name}-p95`, unit: 'ms', better: 'lower' as const })),
  open: async (setting) => {
    const duel = await open(setting);
    const named = (sample: Sample): Sample =>
      Object.fromEntries(Object.entries(sample).map(([name, value]) => [`${name}-p95`, value]));
    return { ...duel, ours: async () => named(await duel.ours()), theirs: async () => named(await duel.theirs()) };
  },
};
