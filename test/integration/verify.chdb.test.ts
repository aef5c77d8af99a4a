import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { BlockVerifier, type Verification } from '../../src/api/verify-block.ts';
import type { Block, Verdict } from '../../src/blocklist/block.ts';
import { questionSettings } from '../../src/clickhouse/bounded-questions.ts';
import { type ClickHouseEngine, execute } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { ClickHouseEvidenceReader } from '../../src/clickhouse/verify-reader.ts';
import { ManualClock } from '../../src/clock.ts';
import { createDetector } from '../../src/detect/detector.ts';
import { PartitionDetector } from '../../src/detect/partition-detector.ts';
import { notedOf } from '../../src/detect/rule-definition.ts';
import { parseRules } from '../../src/detect/rules.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { encodeEvent } from '../../src/event/event-codec.ts';
import { topics } from '../../src/event/event-log.ts';
import { decodeFrame, formatFrameHeaders } from '../../src/event/frame.ts';
import { createIngester } from '../../src/ingest/ingester.ts';
import { PseudonymousTable } from '../../src/ingest/pseudonymous-table.ts';
import { Pseudonyms } from '../../src/ingest/pseudonyms.ts';
import { silentLogger } from '../../src/logger.ts';
import { decisionFrame } from '../support/decision-frames.ts';
import { decisionOf, morningMs } from '../support/decisions.ts';
import { describeWith } from '../support/engines.ts';
import { recordsOf, sentFrames } from '../support/random-logs.ts';

const dayMs = 86_400_000;
/** The rows of this test are of the past. */
const keptDays = 20_000;

const ruleSet = parseRules(`
version: 1
rules:
  - { name: broad, mode: enforce, breadth: { distinctRoutes: 3 }, windows: { length: 10s, hit: 2, of: 4 }, block: { base: 15m } }
  - { name: deep, mode: enforce, depth: { denied: 12, deniedShare: 60% }, windows: { length: 10s, hit: 2, of: 3 }, block: { base: 15m } }
  - name: local
    mode: enforce
    by: client-in-tenant
    match: { routes: ['GET /a', '* /b/**', 'GET /C'], policies: [per-client], clientKinds: [ip, user] }
    depth: { denied: 6, deniedShare: 30% }
    windows: { length: 10s, hit: 1, of: 4 }
    block: { base: 15m }
  - name: network
    mode: enforce
    by: network
    breadth: { distinctRoutes: 3 }
    windows: { length: 5s, hit: 2, of: 6, overwhelming: { denied: 40, counts: 2 } }
    evidence: { denied: 20, clients: 2 }
    block: { base: 15m }
  - name: deaf
    mode: enforce
    match: { tenants: [a, b] }
    depth: { denied: 5, deniedShare: 30% }
    windows: { length: 20s, hit: 1, of: 2 }
    compliance: { minEarlyShare: 20% }
    block: { base: 15m }
`);

const blockOf = (verdict: Verdict): Block => ({
  ...verdict,
  id: `b-${verdict.id}`,
  state: 'active',
  version: 1,
  action: { kind: 'refuse' },
  origin: 'detector',
  verdictId: verdict.id,
  owner: '',
  blockedAtMs: verdict.atMs,
  expiresAtMs: verdict.atMs + dayMs,
  strikes: 1,
  reason: '',
  actor: 'detector',
  assignee: '',
  label: null,
});

const withLog =
  (log: Partial<NonNullable<Block['evidence']>['log']>) =>
  (block: Block): Block =>
    block.evidence ? { ...block, evidence: { ...block.evidence, log: { ...block.evidence.log, ...log } } } : block;

/** Four windows in which a client is denied on three routes by two gates, and served between. */
const scanned = (change: Partial<DecisionEvent> = {}): DecisionEvent[] =>
  [0, 1, 2, 3].flatMap((window) =>
    ['GET /a', 'GET /b', 'GET /c'].flatMap((route, index) => {
      const emitter = index === 1 ? 'gate-2' : 'gate-1';
      const timeMs = morningMs + window * 10_000 + index * 700;
      const base = { emitter, timeMs, route, tenant: 'a', ...change };
      const served = { outcome: 'allowed', remaining: 3, timeMs: timeMs + 90, count: 2 } as const;
      return [decisionOf({ ...base, count: 5 + index, early: 2 }), decisionOf({ ...base, ...served })];
    }),
  );

/** Each emitter's own numbers, and frames of a window each. */
const framesOf = (events: readonly DecisionEvent[], after: ReadonlyMap<string, number> = new Map()) => {
  const seqs = new Map(after);
  const frames = new Map<string, DecisionEvent[]>();
  for (const event of events) {
    const seq = (seqs.get(event.emitter) ?? 0) + 1;
    seqs.set(event.emitter, seq);
    const key = `${Math.floor(event.timeMs / 10_000)} ${event.emitter}`;
    frames.set(key, [...(frames.get(key) ?? []), { ...event, seq }]);
  }
  return { seqs, frames: [...frames.values()].map(decisionFrame) };
};

describeWith('chdb', 'the evidence of a block, counted again from the stored decisions', (url) => {
  let engine: ClickHouseEngine;
  let nowMs = morningMs;
  let runs = 0;
  const readerWith = (pseudonyms: Pseudonyms | null) =>
    new ClickHouseEvidenceReader({ engine, pseudonyms, nowMs: () => nowMs });

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length), questionSettings: questionSettings() });
    await migrate({ engine, logger: silentLogger, options: { rawTtlDays: keptDays, dedupWindow: 1000 } });
  });
  afterAll(() => engine.close());
  beforeEach(async () => {
    nowMs = morningMs;
    await clear();
  });
  const clear = async (): Promise<void> => {
    for (const name of ['decisions_raw', 'emitter_marks']) await execute(engine.writer, `TRUNCATE TABLE ${name}`);
  };
  const store = (events: readonly DecisionEvent[]): Promise<void> =>
    engine.insert({
      table: 'decisions_raw',
      rows: [Buffer.from(events.map((event) => `${encodeEvent(event)}\n`).join(''))],
      settings: { max_partitions_per_insert_block: 0 },
    });

  const bookOf = async (): Promise<MemoryBlockList> => {
    const list = new MemoryBlockList({ clock: new ManualClock(morningMs) });
    await list.noteRules(ruleSet.rules.map(notedOf));
    return list;
  };

  it('is the same for whatever log the detector concluded it from, unless the evidence itself says that it may not be', async () => {
    let matches = 0;
    let doubted = 0;
    const list = await bookOf();
    const verifier = new BlockVerifier({ book: list, reader: readerWith(null) });
    const partitions = 2;
    await fc.assert(
      fc.asyncProperty(sentFrames(partitions, { minLength: 60, maxLength: 120 }), async (sent) => {
        await clear();
        const stored = new Map<string, DecisionEvent>();
        for (const { frame } of sent) {
          for (const event of decodeFrame({ headers: formatFrameHeaders(frame.headers), body: frame.body }).events) {
            stored.set(`${event.emitter} ${event.partition} ${event.seq}`, event);
          }
        }
        await store([...stored.values()]);
        for (let partition = 0; partition < partitions; partition += 1) {
          const detector = new PartitionDetector({ partition, rules: ruleSet.rules, fromOffset: 0 });
          const verdicts = recordsOf(sent, partition).flatMap(({ offset, appendedAtMs, headers, body }) =>
            detector.observe({ offset, appendedAtMs, events: decodeFrame({ headers, body }).events }),
          );
          for (const verdict of verdicts.slice(0, 12)) {
            const isDoubted = (verdict.evidence.log.doubts ?? []).length > 0;
            const said = await verifier.verify(blockOf(verdict));
            if (!isDoubted) expect(said).toMatchObject({ result: 'match', reason: '' });
            else expect(said.result).not.toBe('mismatch');
            matches += isDoubted ? 0 : 1;
            doubted += isDoubted ? 1 : 0;
          }
        }
      }),
      { numRuns: 6 },
    );
    expect(matches).toBeGreaterThan(20);
    expect(doubted).toBeGreaterThan(5);
  }, 60_000);

  /** Everything between a gate and the block, in this process: what is sent is detected and stored. */
  const pipeline = async () => {
    // A table remembers the blocks of rows that it has taken, truncated or not.
    runs += 1;
    const named = (events: readonly DecisionEvent[]): DecisionEvent[] =>
      events.map((event) => ({ ...event, emitter: `${event.emitter}-${runs}` }));
    const rules = { ...ruleSet, rules: ruleSet.rules.filter(({ name }) => name === 'broad' || name === 'network') };
    const clock = new ManualClock(morningMs + 60_000);
    const log = new MemoryEventLog({ clock, partitions: 1 });
    const list = new MemoryBlockList({ clock });
    await list.noteRules(ruleSet.rules.map(notedOf));
    const table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => nowMs });
    const detector = createDetector({ log, rules, blockList: list, clock });
    const ingester = createIngester({ log, table, clock, logger: silentLogger });
    await Promise.all([detector.start(), ingester.start()]);
    const writer = await log.writer(topics.decisions);
    const send = async (frames: readonly ReturnType<typeof decisionFrame>[]): Promise<void> => {
      for (const frame of frames) {
        const positions = await writer.append([frame]);
        await Promise.all([detector.whenReached(positions), ingester.whenReached(positions)]);
      }
    };
    const verifier = new BlockVerifier({ book: list, reader: readerWith(null) });
    const blockBy = async (rule: string): Promise<Block> => {
      const block = (await list.list({ rule })).blocks[0];
      if (!block) throw new Error(`no block by ${rule}`);
      return block;
    };
    const stop = () => Promise.all([detector.stop(), ingester.stop()]);
    return { send, blockBy, verifier, stop, named };
  };

  it('matches what the pipeline made of two gates, whatever is sent twice or comes later, and no longer once a row is gone', async () => {
    const { send, blockBy, verifier, stop, named } = await pipeline();
    const { frames, seqs } = framesOf(named(scanned()));
    await send(frames.flatMap((frame) => [frame, frame]));
    const block = await blockBy('broad');
    expect(block.evidence?.log.marks).toHaveLength(2);
    const said = await verifier.verify(block);
    expect(said).toMatchObject({ result: 'match', reason: '' });
    expect(said.found).toEqual(said.expected);
    // The client goes on, within the very window that its block was made in.
    await send(framesOf(named(scanned({ timeMs: (block.evidence?.lastSeenAtMs ?? 0) + 1, count: 9 })), seqs).frames);
    expect(await verifier.verify(block)).toMatchObject({ result: 'match' });
    await remove(
      `startsWith(emitter, 'gate-2') AND outcome = 'denied' AND seq = (SELECT min(seq) FROM decisions_raw WHERE startsWith(emitter, 'gate-2') AND outcome = 'denied')`,
    );
    const broken = await verifier.verify(block);
    expect(broken).toMatchObject({ result: 'mismatch' });
    expect(broken.reason).toMatch(/denied on GET \/b/);
    expect(broken.found?.['denied']).toBeLessThan(Number(broken.expected?.['denied']));
    await stop();
  });

  it('notices one number of one row that was changed', async () => {
    const { send, blockBy, verifier, stop, named } = await pipeline();
    await send(framesOf(named(scanned())).frames);
    const block = await blockBy('broad');
    await execute(
      engine.writer,
      "ALTER TABLE decisions_raw UPDATE count = count + 1 WHERE outcome = 'allowed' AND seq = 2 SETTINGS mutations_sync = 2",
    );
    expect(await verifier.verify(block)).toMatchObject({
      result: 'mismatch',
      reason: expect.stringMatching(/allowed/),
    });
    await stop();
  });

  it('is asked for of a network by all of its addresses', async () => {
    const { send, blockBy, verifier, stop, named } = await pipeline();
    const neighbours = ['198.51.100.7', '198.51.100.200'].flatMap((client) => scanned({ client, count: 20 }));
    neighbours.sort((left, right) => left.timeMs - right.timeMs);
    await send(framesOf(named(neighbours)).frames);
    const block = await blockBy('network');
    const said = await verifier.verify(block);
    expect(said).toMatchObject({ result: 'match', found: { clients: 2 } });
    await remove("client = '198.51.100.200'");
    expect(await verifier.verify(block)).toMatchObject({ result: 'mismatch', found: { clients: 1 } });
    await stop();
  });

  const remove = (where: string): Promise<void> =>
    execute(engine.writer, `ALTER TABLE decisions_raw DELETE WHERE ${where} SETTINGS mutations_sync = 2`);

  /** A block whose rows are stored, one way or the other. */
  const verified = async (
    change: { block?: (block: Block) => Block; events?: (events: readonly DecisionEvent[]) => Promise<void> } = {},
    pseudonyms: Pseudonyms | null = null,
  ): Promise<Verification> => {
    const detector = new PartitionDetector({ partition: 0, rules: ruleSet.rules, fromOffset: 0 });
    const { frames } = framesOf(scanned());
    const events = frames.flatMap(
      ({ headers, body }) => decodeFrame({ headers: formatFrameHeaders(headers), body }).events,
    );
    const verdicts = frames.flatMap(({ headers, body }, offset) =>
      detector.observe({
        offset,
        appendedAtMs: morningMs + dayMs,
        events: decodeFrame({ headers: formatFrameHeaders(headers), body }).events,
      }),
    );
    const verdict = verdicts.find(({ rule }) => rule === 'broad');
    if (!verdict) throw new Error('a verdict expected');
    await (change.events ?? store)(events);
    const verifier = new BlockVerifier({ book: await bookOf(), reader: readerWith(pseudonyms) });
    return verifier.verify((change.block ?? ((block) => block))(blockOf(verdict)));
  };

  it('is found under pseudonyms', async () => {
    const pseudonyms = new Pseudonyms({ keys: [{ id: 'k1', secret: new Uint8Array(32).fill(7) }] });
    const table = new PseudonymousTable(
      new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => nowMs }),
      pseudonyms,
    );
    const said = await verified(
      {
        events: async (events) => {
          for (const emitter of ['gate-1', 'gate-2']) {
            const own = events.filter((event) => event.emitter === emitter);
            const body = Buffer.from(own.map((event) => `${encodeEvent(event)}\n`).join(''));
            await table.insert([{ emitter, firstSeq: 1, rows: own.length, body }], `pseudonyms-${emitter}`);
          }
        },
      },
      pseudonyms,
    );
    expect(said).toMatchObject({ result: 'match' });
    expect(said.query?.params['ids']).toMatch(/~k1\./);
  });

  it.each<[string, Parameters<typeof verified>[0], RegExp]>([
    ['of an older detector, which told no rows', { block: withLog({ marks: null }) }, /older detector/],
    ['of a rule that nobody noted', { block: (block) => ({ ...block, ruleHash: 'f00' }) }, /noted/],
    ['of a person', { block: (block) => ({ ...block, evidence: null }) }, /No detector/],
    ['whose rows are not stored yet', { events: (events) => store(events.filter(({ seq }) => seq < 3)) }, /behind/],
    [
      'of whom has been erased',
      { events: (events) => store(events.map((event) => ({ ...event, client: '~erased' }))) },
      /erased/,
    ],
    [
      'that may have come too late',
      {
        block: withLog({ doubts: ['late'] }),
        events: (events) => store(events.map((event) => ({ ...event, count: event.count + 1 }))),
      },
      /too late/,
    ],
  ])('cannot be verified %s, and says so', async (_, change, reason) => {
    expect(await verified(change)).toMatchObject({ result: 'unverifiable', reason: expect.stringMatching(reason) });
  });

  it('does not take fewer rows than were counted for rows that came too late', async () => {
    const change = {
      block: withLog({ doubts: ['late'] }),
      events: (events: readonly DecisionEvent[]) => store(events.map((event) => ({ ...event, count: 1 }))),
    };
    expect(await verified(change)).toMatchObject({ result: 'mismatch' });
  });

  it('cannot be verified once single rows of that time are no longer kept', async () => {
    nowMs = morningMs + (keptDays + 1) * dayMs;
    const said = await verified({ events: async (events) => store(events.filter(({ seq }) => seq > 6)) });
    expect(said).toMatchObject({ result: 'unverifiable', reason: expect.stringMatching(/older than/) });
  });

  it('is asked by a statement that clickhouse-client takes as it stands, with its parameters as texts', async () => {
    const { query } = await verified({
      block: (block) => ({ ...block, subject: { kind: 'user', id: 'o\'neil\\ "x' } }),
    });
    expect(query?.params).toMatchObject({ kind: 'user', ids: "['o\\'neil\\\\ \"x']", emitters: "['gate-1','gate-2']" });
    expect(query?.sql).not.toContain('neil');
  });
});
