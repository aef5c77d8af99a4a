import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BlockAction } from '../../src/blocklist/block.ts';
import type { BlockList } from '../../src/blocklist/block-list.ts';
import { promotionModes } from '../../src/blocklist/block-promoter.ts';
import { type BlockFilter, type BlockPage, blockSorts, type Transition } from '../../src/blocklist/block-review.ts';
import type { BlockSubject } from '../../src/client.ts';
import { ManualClock } from '../../src/clock.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { TidegateError } from '../../src/errors.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { budget, promotionOf, sharedFrom } from '../support/promotions.ts';
import { ada, ip, minuteMs, network, startMs, user } from './block-list-stage.ts';

const subjects: readonly BlockSubject[] = [
  ip('203.0.113.9'),
  ip('203.0.113.10'),
  ip('203.0.113.9', 'acme'),
  network('203.0.113.0/24'),
  network('203.0.113.8/30', 'acme'),
  ip('2001:db8:0:7::/64'),
  network('2001:db8::/32'),
  user('alice'),
  user('alice', 'acme'),
];
const limited: BlockAction = { kind: 'limit', limit: 30, windowMs: minuteMs };
const actions: readonly BlockAction[] = [{ kind: 'refuse' }, limited];

/** What the two lists are told, and how each answers. */
type Deed = (list: BlockList, nowMs: number) => Promise<unknown>;

const subject = fc.constantFrom(...subjects);
const action = fc.constantFrom(...actions);
const seconds = fc.integer({ min: 1, max: 300 }).map((count) => count * 1000);

const promotes = fc
  .record({
    subject,
    action,
    id: fc.nat(30),
    mode: fc.constantFrom(...promotionModes),
    rule: fc.constantFrom('one', 'two'),
    members: fc.nat(9),
    people: fc.nat(3),
    jitter: fc.constantFrom(0, 0.5),
  })
  .map(({ subject: who, action: what, id, mode, rule, members, people, jitter }): Deed => {
    const shared = people === 0 ? null : sharedFrom(people, people === 1 ? { kind: 'suppress' } : limited);
    const duration = { baseMs: 60_000, factor: 2, maxMs: 300_000, jitter, strikeTtlMs: 600_000 };
    const { evidence } = promotionOf({ id: '', atMs: 0 }).verdict;
    const among = members === 0 ? null : { clients: members, most: [] };
    const rules = { ...budget, blocksPerHour: 3, blocksPerMinute: 4, clientShare: 0.2, requestShare: 0.5 };
    const verdict = { id: `v${id}`, subject: who, rule, evidence: { ...evidence, members: among } };
    return (list, nowMs) =>
      list.promote(
        promotionOf(
          { atMs: nowMs - 1000 * id, ...verdict },
          { mode, action: what, duration, shared, budget: { rule: rules, all: { ...rules, blocksPerHour: 5 } } },
        ),
      );
  });

const steps = fc
  .record({
    kind: fc.constantFrom(
      ...(['activate', 'confirm', 'false-positive', 'goodwill', 'extend', 'change-action', 'assign'] as const),
      ...(['undo', 'undo', 'undo', 'comment'] as const),
    ),
    which: fc.nat(3),
    action,
    ahead: seconds,
    ifVersion: fc.constantFrom(null, null, 1, 2),
  })
  .map(({ kind, which, action: what, ahead, ifVersion }): Deed => {
    return async (list, nowMs) => {
      const { blocks } = await list.list({ limit: 4 });
      const id = blocks[which]?.id ?? 'b-none';
      const act = ifVersion === null ? ada : { ...ada, ifVersion };
      if (kind === 'comment') return list.comment(id, ada);
      const step: Transition =
        kind === 'assign'
          ? { kind, assignee: which % 2 === 0 ? 'bob' : '', ...act }
          : kind === 'undo'
            ? { kind, ...act }
            : kind === 'extend'
              ? { kind, untilMs: nowMs + ahead, ...act }
              : kind === 'change-action'
                ? { kind, action: what, ...act }
                : kind === 'activate' || kind === 'confirm'
                  ? { kind, ...act }
                  : { kind: 'lift', reason: kind as 'goodwill', tombstoneMs: ahead, ...act };
      return list.transition(id, step);
    };
  });

const others: fc.Arbitrary<Deed> = fc.oneof(
  fc.tuple(subject, action, seconds).map(
    ([who, what, ahead]): Deed =>
      (list, nowMs) =>
        list.add({ subject: who, action: what, untilMs: nowMs + ahead, ...ada }),
  ),
  fc.tuple(subject, fc.constantFrom('allow' as const, 'canary' as const), seconds).map(
    ([who, kind, ahead]): Deed =>
      (list, nowMs) =>
        list.allow({ subject: who, kind, untilMs: nowMs + ahead, ...ada }),
  ),
  subject.map(
    (who): Deed =>
      (list) =>
        list.disallow(who, ada),
  ),
  fc.tuple(fc.subarray([...subjects]), action, seconds).map(
    ([chosen, what, ahead]): Deed =>
      (list, nowMs) =>
        list.importList({ list: 'bad', subjects: chosen, action: what, untilMs: nowMs + ahead, ...ada }),
  ),
  fc.tuple(fc.constantFrom('203.0.113.9', '203.0.113.77', '2001:db8:0:7::5'), fc.nat(4)).map(
    ([address, who]): Deed =>
      (list) =>
        list.noteIdentities([{ address, clientKey: who === 0 ? 'user:alice' : `user:u${who}` }]),
  ),
  fc.tuple(fc.nat(2), fc.nat(5), fc.nat(100)).map(
    ([partition, ago, clients]): Deed =>
      (list, nowMs) => {
        const windowStartMs = Math.floor(nowMs / minuteMs - ago) * minuteMs;
        return list.noteTraffic([{ partition, windowStartMs, allowed: clients * 3, clients }]);
      },
  ),
  fc.constantFrom(...promotionModes).map(
    (mode): Deed =>
      (list, nowMs) =>
        list.override({ rule: 'one', mode, untilMs: nowMs + 90_000, ...ada }),
  ),
  fc.constantFrom('*', 'one', 'two').map(
    (rule): Deed =>
      (list) =>
        list.resetBreaker(rule, ada),
  ),
  fc.nat(3).map(
    (count): Deed =>
      async (list, nowMs) => {
        const { blocks } = await list.list({ limit: 3 });
        const told = blocks.map(({ id }) => ({
          blockId: id,
          refused: count + 1,
          commands: count,
          bytes: 9,
          lastAtMs: nowMs,
        }));
        await list.noteRefusals(told);
        return list.refusals(blocks.map(({ id }) => id));
      },
  ),
);

const filters: readonly BlockFilter[] = [
  {},
  { states: ['active', 'proposed'], isUnjudged: true },
  { states: ['expired'] },
  { rule: 'one', subjectKinds: ['ip', 'network'], origins: ['detector', 'person'] },
  { tenants: ['acme'] },
  { assignee: 'bob' },
  { assignee: '', minDenied: 1 },
  { subjectKey: 'ip:203.0.113.9' },
];

/** Every listing, in pages of two, and how many it counts. */
const pagesOf = async (list: BlockList) => {
  const all: unknown[] = [];
  for (const [index, filter] of filters.entries()) {
    const sort = blockSorts[index % blockSorts.length] ?? 'newest';
    all.push(await list.count(filter, 5));
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: BlockPage = await list.list({ ...filter, sort, limit: 2, ...(cursor !== '' && { cursor }) });
      all.push(page.blocks.map(({ id }) => id));
      cursor = page.nextCursor;
    }
  }
  return all;
};

/** Everything that can be read. Imports may be packed into records in another order: of the log the audit's part is read. */
const everything = async (list: BlockList) => {
  const { entries, exemptions, switches } = await list.snapshot();
  const byKey = (left: { subjectKey: string }, right: { subjectKey: string }) =>
    left.subjectKey < right.subjectKey ? -1 : 1;
  const { blocks } = await list.list({ limit: 500 });
  return {
    blocks,
    entries: [...entries].sort(byKey),
    exemptions: [...exemptions].sort(byKey),
    switches,
    standings: await Promise.all(subjects.map((who) => list.standing(who))),
    breakers: await list.breakers(),
    overrides: await list.overrides(),
    traffic: await list.traffic(),
    refused: await list.allRefusals(),
    judged: await list.judgements(),
    pages: await pagesOf(list),
    histories: await Promise.all(blocks.slice(0, 5).map(({ id }) => list.history(id))),
  };
};

const sortedFields = (value: object): object =>
  Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));

const unordered = ['strikes', 'allowed', 'refusedSubjects'];

/** Fields, strikes, allow entries and refused subjects are in no order. Blocks by hand are named at random: the first to be met is `m-0`. */
const plainly = (answers: unknown): string => {
  const names = new Map<string, string>();
  const inOrder = (key: string, value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (!Array.isArray(value)) return sortedFields(value);
    return unordered.includes(key) ? value.map((one) => JSON.stringify(one, inOrder)).sort() : value;
  };
  return JSON.stringify(answers, inOrder, 1).replace(/\bm-[\w-]+/g, (id) => {
    names.set(id, names.get(id) ?? `m-${names.size}`);
    return names.get(id) ?? id;
  });
};

const told = async (answer: Promise<unknown>): Promise<unknown> => {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof TidegateError) return { code: error.code };
    throw error;
  }
};

describeWith('redis', 'the block lists in Redis and in memory', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  it('answer alike and hold alike, whatever is done to both', async () => {
    const deed = fc.oneof(
      { weight: 4, arbitrary: promotes },
      { weight: 3, arbitrary: steps },
      { weight: 4, arbitrary: others },
    );
    const play = fc.array(fc.tuple(fc.constantFrom(0, 0, 1000, 20_000, 100_000), deed), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(play, async (deeds) => {
        const clock = new ManualClock(startMs);
        const nowMs = () => clock.nowMs();
        const random = () => 0.25;
        const memory = new MemoryBlockList({ clock, random });
        const stored = new RedisBlockList({ redis, namespace: freshName('twins'), nowMs, random });
        const answers: [unknown[], unknown[]] = [[], []];
        for (const [waitMs, act] of deeds) {
          clock.advance(waitMs);
          answers[0].push(await told(act(stored, nowMs())));
          answers[1].push(await told(act(memory, nowMs())));
        }
        const held = [await everything(stored), await everything(memory)];
        expect(plainly([answers[0], held[0]])).toEqual(plainly([answers[1], held[1]]));
      }),
      { numRuns: 60, interruptAfterTimeLimit: 12_000 },
    );
  });
});
