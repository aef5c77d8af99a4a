import { describe, expect, it } from 'vitest';
import { judgeStart, longestPauseMs, type StartFacts, type StartFinding } from '../../../src/cli/start-checks.ts';
import { readClock } from '../../../src/cli/start-facts.ts';
import { ManualClock } from '../../../src/clock.ts';
import { topics } from '../../../src/event/event-log.ts';
import type { TopicFacts } from '../../../src/kafka/topic-facts.ts';

const positions = (...ends: readonly number[]) => new Map(ends.map((end, partition) => [partition, end]));
const topicOf = (facts: Partial<TopicFacts> = {}): TopicFacts => ({
  topic: topics.decisions,
  partitions: 4,
  ends: positions(10, 10, 10, 10),
  retentionMs: 7 * 86_400_000,
  retentionBytes: null,
  compacted: false,
  appendTime: true,
  aheadMs: 0,
  ...facts,
});
const factsOf = (facts: Partial<StartFacts> = {}): StartFacts => ({
  topics: [topicOf()],
  ledgerEnds: new Map([[topics.decisions, positions(10, 9, 10, 8)]]),
  database: [{ ok: true, subject: 'dedup window of decisions_raw', message: '10000 blocks', windowBlocks: 10_000 }],
  busiestMinuteBlocks: 600,
  clocks: [{ name: 'ClickHouse', aheadMs: 0 }],
  ...facts,
});
const findingsOf = (facts: Partial<StartFacts>): StartFinding[] =>
  judgeStart(factsOf(facts)).findings.filter(({ state }) => state !== 'ok');
const ledger = (...ends: readonly number[]) => ({ ledgerEnds: new Map([[topics.decisions, positions(...ends)]]) });

describe('what is judged before the first block is stored', () => {
  it('has nothing to say where everything is as it was left', () => {
    expect(findingsOf({})).toEqual([]);
  });

  it('refuses what the database is unfit for, in its own words', () => {
    const database = [{ ok: false, subject: 'migrations', message: 'missing: 0001; run tidegate migrate' }];
    expect(findingsOf({ database })).toEqual([
      { state: 'refuse', subject: 'migrations', message: 'missing: 0001; run tidegate migrate' },
    ]);
  });

  describe('of deduplication windows', () => {
    const windows = (...blocks: readonly number[]) => ({
      database: blocks.map((windowBlocks) => ({ ok: true, subject: 'w', message: '', windowBlocks })),
    });

    it('takes the smallest window, at the pace of the busiest minute, against the longest pause', () => {
      const { dedupMarginRatio } = judgeStart(factsOf({ ...windows(50_000, 10_000), busiestMinuteBlocks: 600 }));
      expect(dedupMarginRatio).toBeCloseTo(1000 / (longestPauseMs / 1000));
    });

    it.each([
      [3000, 'warn'],
      [60_000, 'refuse'],
    ])(
      'with a window of 1,000 blocks and %i blocks a minute says %s, with the margin and what to do',
      (pace, state) => {
        expect(findingsOf({ ...windows(1_000), busiestMinuteBlocks: pace })).toEqual([
          {
            state,
            subject: 'dedup margin',
            message: expect.stringMatching(/ s at \d+ blocks a second .* times the longest pause of 19.25 s; raise/),
          },
        ]);
      },
    );

    it('assumes a pace while nothing is known, and one block a second where it is slower', () => {
      const assumed = judgeStart(factsOf({ busiestMinuteBlocks: null }));
      expect(assumed.findings.find(({ subject }) => subject === 'dedup margin')).toMatchObject({ state: 'ok' });
      expect(assumed.dedupMarginRatio).toBeCloseTo(100 / 19.25);
      expect(judgeStart(factsOf({ busiestMinuteBlocks: 1 })).dedupMarginRatio).toBeCloseTo(10_000 / 19.25);
    });

    it('knows no margin where the engine keeps windows of its own', () => {
      const database = [{ ok: true, subject: 'dedup window of decisions_raw', message: 'ReplicatedMergeTree' }];
      expect(judgeStart(factsOf({ database })).dedupMarginRatio).toBeNull();
    });
  });

  describe('of partitions', () => {
    it('refuses a topic with fewer than have been stored, and says how to go on with them', () => {
      const [finding] = findingsOf({
        topics: [topicOf({ partitions: 2, ends: positions(1, 1) })],
        ...ledger(1, 1, 7, 7),
      });
      expect(finding).toMatchObject({ state: 'refuse', subject: 'partitions of tidegate.decisions' });
      expect(finding?.message).toContain('ALTER TABLE ingest_blocks DELETE');
    });

    it('warns when the last ones have never brought anything: clients have moved', () => {
      const wide = topicOf({ partitions: 8, ends: positions(9, 9, 9, 9, 0, 0, 0, 0) });
      expect(findingsOf({ topics: [wide], ...ledger(9, 9, 9, 9) })).toMatchObject([
        { state: 'warn', message: expect.stringContaining('clients have moved') },
      ]);
    });

    it('is silent where few clients leave some empty', () => {
      const ledgerEnds = new Map([
        [
          topics.decisions,
          new Map([
            [1, 9],
            [2, 9],
          ]),
        ],
      ]);
      expect(findingsOf({ ledgerEnds })).toEqual([]);
    });
  });

  it('warns of a log that ends before what is stored, and says what ingest does then', () => {
    expect(
      findingsOf({ topics: [topicOf({ ends: positions(10, 3, 10, 10) })], ...ledger(10, 9, 10, 8) }),
    ).toMatchObject([
      { state: 'warn', subject: 'end of tidegate.decisions', message: expect.stringContaining('stored to 9') },
    ]);
  });

  describe('of clocks', () => {
    it.each([
      [900, []],
      [-900, []],
      [1_500, ['warn']],
      [-2_000, ['warn']],
      [299_000, ['warn']],
      [301_000, ['refuse']],
      [-400_000, ['refuse']],
    ])('with one that is %i ms ahead says %j', (aheadMs, states) => {
      const found = findingsOf({ clocks: [{ name: 'ClickHouse', aheadMs }] });
      expect(found.map(({ state }) => state)).toEqual(states);
    });

    it.each([
      [0, []],
      [1_000, ['warn']],
      [300_000, ['refuse']],
    ])('with records that Kafka has stamped %i ms ahead says %j', (aheadMs, states) => {
      expect(findingsOf({ topics: [topicOf({ aheadMs })] }).map(({ state }) => state)).toEqual(states);
    });

    it('does not take the way of a question for a difference', async () => {
      const clock = new ManualClock();
      const answering = (offsetMs: number) =>
        readClock('x', clock, async () => {
          clock.advance(400);
          const nowMs = clock.nowMs() + offsetMs;
          clock.advance(400);
          return nowMs;
        });
      expect(await answering(0)).toEqual({ name: 'x', aheadMs: 0 });
      expect(await answering(390)).toEqual({ name: 'x', aheadMs: 0 });
      expect(await answering(5_000)).toEqual({ name: 'x', aheadMs: 4_600 });
      expect(await answering(-5_000)).toEqual({ name: 'x', aheadMs: -4_600 });
    });
  });

  it('warns of a retention that a long weekend outlasts, of one by bytes, and of timestamps of the gates', () => {
    const day = topicOf({ retentionMs: 86_400_000 });
    expect(findingsOf({ topics: [day] })).toMatchObject([
      { state: 'warn', message: expect.stringMatching(/^1d: .*retention.ms/) },
    ]);
    expect(findingsOf({ topics: [topicOf({ retentionBytes: 1e9 })] })).toMatchObject([{ state: 'warn' }]);
    expect(findingsOf({ topics: [topicOf({ appendTime: false })] })).toMatchObject([
      { state: 'warn', message: expect.stringContaining('LogAppendTime') },
    ]);
    expect(judgeStart(factsOf({ topics: [day, topicOf()] })).retentionMs).toBe(86_400_000);
  });

  it('asks nothing of a compacted topic that keeps the newest of each key', () => {
    expect(findingsOf({ topics: [topicOf({ compacted: true, retentionMs: 1, appendTime: false })] })).toEqual([]);
  });
});
