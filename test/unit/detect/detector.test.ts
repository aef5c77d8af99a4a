import { describe, expect, it, vi } from 'vitest';
import type { Promotion, PromotionResult } from '../../../src/blocklist/block-promoter.ts';
import { ManualClock } from '../../../src/clock.ts';
import { createDetector, type DetectorOptions } from '../../../src/detect/detector.ts';
import { modeFor } from '../../../src/detect/promoter.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import { TidegateError } from '../../../src/errors.ts';
import type { DecisionEvent } from '../../../src/event/decision-event.ts';
import { type FrameWriter, type Positions, topics } from '../../../src/event/event-log.ts';
import { crc32Hex } from '../../../src/event/frame.ts';
import { partitionOf } from '../../../src/event/partition.ts';
import { decisionFrame } from '../../support/decision-frames.ts';
import { decisionOf, morningMs } from '../../support/decisions.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const partitions = 4;

const noNotes = { noteTraffic: () => Promise.resolve(), noteIdentities: () => Promise.resolve() };

const rulesText = (mode: string, more = '') => `
version: 1
rules:
  - name: depth
    mode: ${mode}
    depth: { denied: 10, deniedShare: 0.8 }
    windows: { length: 10s, hit: 2, of: 3 }
    block: { base: 15m }
    ${more}
`;
const rulesIn = (mode: string) => parseRules(rulesText(mode));

/** A log, a list and a writer that sends one frame per event, in the time of one clock. */
const setUp = async () => {
  const clock = new ManualClock(morningMs + 60_000);
  const log = new MemoryEventLog({ clock, partitions });
  const blockList = new MemoryBlockList({ clock });
  const writer = await log.writer(topics.decisions);
  const detectorWith = (options: Partial<DetectorOptions> = {}) =>
    createDetector({ log, rules: rulesIn('enforce'), blockList, clock, ...options });
  return { clock, log, blockList, detectorWith, send: senderTo(writer) };
};

const senderTo = (writer: FrameWriter) => {
  let seq = 0;
  return async (changes: readonly Partial<DecisionEvent>[]): Promise<Positions> => {
    let positions: Positions = new Map();
    for (const change of changes) {
      seq += 1;
      const event = decisionOf({ count: 12, seq, ...change });
      const partition = partitionOf({ kind: event.clientKind, id: event.client }, partitions);
      const appended = await writer.append([decisionFrame([{ ...event, partition }])]);
      positions = new Map([...positions, ...appended]);
    }
    return positions;
  };
};

/** Two windows of one route denied: what the rule asks for. */
const storm = (client: string): Partial<DecisionEvent>[] =>
  [0, 10_000].map((afterMs) => ({ client, timeMs: morningMs + afterMs }));

const stormyClients = Array.from({ length: 12 }, (_, index) => `192.0.${index}.7`);

describe('createDetector', () => {
  it('turns what the log says into a block', async () => {
    const { blockList, detectorWith, send } = await setUp();
    const detector = detectorWith();
    await detector.start();
    await detector.whenReached(await send(storm('203.0.113.9')));
    const { blocks } = await blockList.list({});
    expect(blocks).toMatchObject([{ state: 'active', rule: 'depth', subject: { kind: 'ip', id: '203.0.113.9' } }]);
    expect(detector.stats()).toMatchObject({ verdicts: 1, promotions: { activated: 1 }, evidence: 24 });
    await detector.stop();
  });

  it('keeps its totals when its partitions go to another, and says how far it is behind', async () => {
    const { detectorWith, send } = await setUp();
    const detector = detectorWith();
    expect(await detector.lag()).toEqual(new Map());
    await detector.start();
    await detector.whenReached(await send(storm('203.0.113.9')));
    await vi.waitFor(async () => expect([...(await detector.lag()).values()]).toEqual(Array(partitions).fill(0)), {
      timeout: 15_000,
    });
    const { events, evidence } = detector.stats();
    await detector.stop();
    expect(detector.stats()).toMatchObject({ events, evidence, partitions: 0, clients: 0 });
    expect(evidence).toBe(24);
  });

  it('makes the same blocks with one detector and with three', async () => {
    const blocksWith = async (count: number) => {
      const { blockList, detectorWith, send } = await setUp();
      const detectors = Array.from({ length: count }, () => detectorWith());
      for (const detector of detectors) await detector.start();
      const positions = await send(stormyClients.flatMap(storm));
      const owned = detectors.map((detector) => {
        const mine = [...positions].filter(([partition]) => detector.positions().has(partition));
        return detector.whenReached(new Map(mine));
      });
      await Promise.all(owned);
      for (const detector of detectors) await detector.stop();
      const { blocks } = await blockList.list({});
      return blocks.map(({ verdictId }) => verdictId).sort();
    };
    const alone = await blocksWith(1);
    expect(alone).toHaveLength(stormyClients.length);
    expect(await blocksWith(3)).toEqual(alone);
  });

  it('makes no block twice and gives no second strike when a successor reads the log again', async () => {
    const { blockList, detectorWith, send } = await setUp();
    const first = detectorWith();
    await first.start();
    const positions = await send(storm('203.0.113.9'));
    await first.whenReached(positions);
    await first.stop();
    const second = detectorWith();
    await second.start();
    await second.whenReached(positions);
    expect(second.stats()).toMatchObject({ verdicts: 1, promotions: { activated: 0, already: 1 } });
    expect((await blockList.list({})).blocks).toMatchObject([{ strikes: 1 }]);
    await second.stop();
  });

  it('rebuilds its windows from the log: evidence from before a restart counts', async () => {
    const { blockList, detectorWith, send } = await setUp();
    const [before = {}, after = {}] = storm('203.0.113.9');
    const first = detectorWith();
    await first.start();
    await first.whenReached(await send([before]));
    await first.stop();
    const second = detectorWith();
    await second.start();
    await second.whenReached(await send([after]));
    expect((await blockList.list({})).blocks).toHaveLength(1);
    await second.stop();
  });

  it('tries a promotion again until the list is back, and loses none', async () => {
    const { clock, blockList, detectorWith, send } = await setUp();
    let isAway = true;
    const promote = vi.fn((promotion: Promotion): Promise<PromotionResult> => {
      if (isAway) return Promise.reject(new TidegateError('STORE_FAILED', 'away', { retryable: true }));
      return blockList.promote(promotion);
    });
    const detector = detectorWith({ blockList: { ...noNotes, promote } });
    await detector.start();
    const positions = await send(storm('203.0.113.9'));
    const reached = detector.whenReached(positions);
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await vi.waitFor(() => expect(promote).toHaveBeenCalledTimes(attempt), { timeout: 15_000 });
      await vi.waitFor(() => expect(detector.stats().promotionFailures).toBe(attempt), { timeout: 15_000 });
      isAway = attempt < 5;
      await nextTurn();
      clock.advance(5000);
    }
    await reached;
    expect(detector.stats()).toMatchObject({ promotionFailures: 5, promotions: { activated: 1 } });
    await detector.stop();
  });

  it('gives a verdict up that the list refuses for good, instead of holding up everybody behind it', async () => {
    const { blockList, detectorWith, send } = await setUp();
    const refusal = new TidegateError('INPUT_INVALID', 'no address');
    const promote = (promotion: Promotion): Promise<PromotionResult> =>
      promotion.verdict.subject.id === '203.0.113.9' ? Promise.reject(refusal) : blockList.promote(promotion);
    const detector = detectorWith({ blockList: { ...noNotes, promote } });
    await detector.start();
    await detector.whenReached(await send([...storm('203.0.113.9'), ...storm('203.0.113.10'), ...storm('no address')]));
    const { promotionsRefused, promotions } = detector.stats();
    expect(promotionsRefused + promotions.activated).toBe(3);
    expect(promotions.activated).toBeGreaterThan(0);
    await detector.stop();
  });

  it('leaves what it could not promote to its successor', async () => {
    const { blockList, detectorWith, send } = await setUp();
    const promote = vi.fn(() => Promise.reject(new TidegateError('STORE_FAILED', 'away', { retryable: true })));
    const first = detectorWith({ blockList: { ...noNotes, promote } });
    await first.start();
    const positions = await send(storm('203.0.113.9'));
    const reached = first.whenReached(positions);
    await vi.waitFor(() => expect(promote).toHaveBeenCalled(), { timeout: 15_000 });
    const refused = expect(reached).rejects.toMatchObject({ code: 'LOG_FAILED' });
    await first.stop();
    await refused;
    const second = detectorWith();
    await second.start();
    await second.whenReached(positions);
    expect((await blockList.list({})).blocks).toHaveLength(1);
    await second.stop();
  });

  it.each([
    ['shadow', { promotions: { shadow: 1, activated: 0 } }, [{ state: 'shadow' }]],
    ['review', { promotions: { shadow: 0, proposed: 1 } }, [{ state: 'proposed' }]],
    ['off', { verdicts: 0 }, []],
  ] as const)('does what the mode %s says', async (mode, stats, blocks) => {
    const { blockList, detectorWith, send } = await setUp();
    const detector = detectorWith({ rules: rulesIn(`'${mode}'`) });
    await detector.start();
    await detector.whenReached(await send(storm('203.0.113.9')));
    expect(detector.stats()).toMatchObject(stats);
    expect((await blockList.list({})).blocks).toMatchObject(blocks);
    expect((await blockList.snapshot()).entries).toEqual([]);
    await detector.stop();
  });

  it('enforces a rule for its canary share, and the same subjects whoever asks; the others are in shadow', async () => {
    const { detectorWith, send } = await setUp();
    const [rule] = rulesIn('enforce').rules;
    if (!rule) throw new Error('a rule expected');
    const modeIn = (canaryPercent: number, id: string) =>
      modeFor({ ...rule, canaryPercent }, { subject: { kind: 'user', id } });
    const ids = Array.from({ length: 20_000 }, (_, index) => `user-${index}`);
    const few = ids.filter((id) => modeIn(5, id) === 'enforce');
    expect(few.length / ids.length).toBeGreaterThan(0.045);
    expect(few.length / ids.length).toBeLessThan(0.055);
    expect(few.filter((id) => modeIn(20, id) !== 'enforce')).toEqual([]);
    expect(modeFor({ ...rule, mode: 'review', canaryPercent: 100 }, { subject: { kind: 'ip', id: 'a' } })).toBe(
      'review',
    );

    const rules = parseRules(rulesText('enforce', 'canary: 1%'));
    const detector = detectorWith({ rules });
    await detector.start();
    await detector.whenReached(await send(stormyClients.flatMap(storm)));
    const subjects = stormyClients.map((id) => ({ subject: { kind: 'ip', id } as const }));
    const enforced = subjects.filter((of) => modeFor({ ...rule, canaryPercent: 1 }, of) === 'enforce').length;
    expect(detector.stats().promotions).toMatchObject({ activated: enforced, shadow: stormyClients.length - enforced });
    expect(detector.stats().rules).toMatchObject({
      version: rules.version,
      inForce: [{ name: 'depth', canaryPercent: 1 }],
    });
    await detector.stop();
  });

  it('says why a verdict made no block, and warns when a rule in force only proposes', async () => {
    const { clock, blockList, detectorWith, send } = await setUp();
    const untilMs = clock.nowMs() + 3_600_000;
    const allowed = { kind: 'ip', id: '203.0.113.9' } as const;
    await blockList.allow({ subject: allowed, kind: 'allow', untilMs, actor: 'ann', note: 'ours' });
    const logger = recordingLogger();
    const rules = parseRules(rulesText('enforce', 'budget: { blocksPerHour: 2 }'));
    const detector = detectorWith({ rules, logger });
    await detector.start();
    await detector.whenReached(await send(['203.0.113.9', ...stormyClients.slice(0, 4)].flatMap(storm)));
    expect(detector.stats()).toMatchObject({
      promotions: { activated: 2, proposed: 2, suppressed: 1 },
      suppressed: { 'allow-list': 1, tombstone: 0 },
      heldBack: 2,
    });
    expect(
      logger.lines.filter(({ level, message }) => level === 'warn' && message.startsWith('not blocked')),
    ).toHaveLength(2);
    await detector.stop();
  });

  it('notes what was allowed and who was served, so that an address that people share is not blocked', async () => {
    const { blockList, detectorWith, send } = await setUp();
    const rules = parseRules(rulesText('enforce', 'shared: { identities: 3, then: suppress }'));
    const detector = detectorWith({ rules });
    await detector.start();
    const served = { outcome: 'allowed', clientKind: 'user', timeMs: morningMs, count: 5 } as const;
    const office = ['ann', 'ben', 'cem'].map((client) => ({ ...served, client, address: '203.0.113.9' }));
    const denied = ['dan', 'eve'].map((client) => ({
      ...served,
      client,
      address: '192.0.2.9',
      outcome: 'denied' as const,
    }));
    const blocked = { ...served, client: 'fay', address: '192.0.2.9', outcome: 'blocked' as const };
    // The verdicts come last: partitions are read side by side.
    await detector.whenReached(await send([...office, ...denied, blocked]));
    await detector.whenReached(await send([...storm('203.0.113.9'), ...storm('192.0.2.9')]));
    expect(detector.stats()).toMatchObject({ promotions: { activated: 1 }, suppressed: { 'shared-address': 1 } });
    expect((await blockList.list({})).blocks).toMatchObject([{ subject: { id: '192.0.2.9' } }]);
    await detector.stop();
    expect(await blockList.traffic()).toEqual({ allowed: 15, clients: 3 });
  });

  it('leaves a row out that it cannot read, and takes the rest of its frame', async () => {
    const { log, blockList, detectorWith } = await setUp();
    const detector = detectorWith();
    await detector.start();
    const writer = await log.writer(topics.decisions);
    const partition = partitionOf({ kind: 'ip', id: '203.0.113.9' }, partitions);
    const rows = [...storm('203.0.113.9'), {}].map((change, index) =>
      decisionOf({ count: 12, partition, ...change, seq: index + 1 }),
    );
    const frame = decisionFrame(rows);
    const body = Buffer.from(
      frame.body.toString().replace(/"seq":3,(.*)"source":"store"/, '"seq":3,$1"source":"oracle"'),
    );
    await writer.append([{ ...frame, body, headers: { ...frame.headers, crc32: crc32Hex([body]) } }]);
    await detector.whenReached(new Map([[partition, 1]]));
    expect(detector.stats()).toMatchObject({ badRows: 1, corruptFrames: 0, events: 2 });
    expect((await blockList.list({})).blocks).toHaveLength(1);
    await detector.stop();
  });

  it('skips a corrupt frame, counts it and goes on', async () => {
    const { log, detectorWith, send } = await setUp();
    const detector = detectorWith();
    await detector.start();
    const writer = await log.writer(topics.decisions);
    const event = decisionOf({ partition: partitionOf({ kind: 'ip', id: '203.0.113.9' }, partitions) });
    const frame = decisionFrame([event]);
    await writer.append([{ ...frame, body: Buffer.from(frame.body.toString().replace('203', '204')) }]);
    await detector.whenReached(await send(storm('203.0.113.9')));
    expect(detector.stats()).toMatchObject({ corruptFrames: 1, verdicts: 1 });
    await detector.stop();
  });

  it('commits the position from which a successor must read, and no later one', async () => {
    const { clock, log, detectorWith, send } = await setUp();
    clock.advance(86_400_000);
    const first = detectorWith();
    await first.start();
    const far = Array.from({ length: 60 }, (_, index) => ({
      client: '203.0.113.9',
      timeMs: morningMs + index * 10_000,
      outcome: 'allowed' as const,
    }));
    const positions = await send(far);
    await first.whenReached(positions);
    await first.stop();
    const second = detectorWith();
    await second.start();
    const [[partition = 0, end = 0] = []] = [...positions];
    await second.whenReached(positions);
    expect(second.stats().events).toBeGreaterThan(5);
    expect(second.stats().events).toBeLessThan(20);
    expect(second.positions().get(partition)).toBe(end);
    await second.stop();
    await log.close();
  });
});

/** Lets promises that are ready go on. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
