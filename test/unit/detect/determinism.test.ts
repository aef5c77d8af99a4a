import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Verdict } from '../../../src/blocklist/block.ts';
import type { Promotion } from '../../../src/blocklist/block-promoter.ts';
import { ManualClock } from '../../../src/clock.ts';
import { formatCheckpoint, parseCheckpoint } from '../../../src/detect/checkpoint.ts';
import { createDetector } from '../../../src/detect/detector.ts';
import { PartitionDetector, partitionDefaults } from '../../../src/detect/partition-detector.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import { type LogRecord, topics } from '../../../src/event/event-log.ts';
import { EventScanner, seenEventsOf } from '../../../src/event/event-scan.ts';
import { decodeFrame } from '../../../src/event/frame.ts';
import { morningMs } from '../../support/decisions.ts';
import { recordsOf, type Sent, sentFrames } from '../../support/random-logs.ts';

const partitions = 4;
const ruleSet = parseRules(`
version: 1
rules:
  - { name: broad, mode: enforce, breadth: { distinctRoutes: 3 }, windows: { length: 10s, hit: 2, of: 4 }, block: { base: 15m } }
  - { name: deep, mode: enforce, depth: { denied: 12, deniedShare: 0.6 }, windows: { length: 10s, hit: 2, of: 3 }, block: { base: 15m } }
  - name: local
    mode: enforce
    by: client-in-tenant
    depth: { denied: 8, deniedShare: 0.5 }
    windows: { length: 10s, hit: 2, of: 4 }
    block: { base: 15m }
  - name: network
    mode: shadow
    by: network
    breadth: { distinctRoutes: 3 }
    windows: { length: 5s, hit: 2, of: 6 }
    evidence: { denied: 20, clients: 2 }
    block: { base: 15m }
  - name: deaf
    mode: enforce
    depth: { denied: 5, deniedShare: 0.3 }
    windows: { length: 20s, hit: 1, of: 2 }
    compliance: { minEarlyShare: 0.2 }
    block: { base: 15m }
`);
const setting = { rules: ruleSet.rules, latenessMs: 15_000 };
const live = { ...setting, latenessMs: partitionDefaults.latenessMs };

const ignore = (): void => undefined;

/** Everything that one detector concludes which reads the whole of a partition, decoding by the long way. */
const readThrough = (records: readonly LogRecord[], partition: number, bounds = setting): Verdict[] => {
  const detector = new PartitionDetector({ ...bounds, partition, fromOffset: 0 });
  return records.flatMap(({ offset, appendedAtMs, headers, body }) =>
    detector.observe({ offset, appendedAtMs, events: decodeFrame({ headers, body }).events }),
  );
};

type Conclude = (record: LogRecord) => readonly Verdict[];

/** One owner after the other of one partition. Only what is committed outlives it. */
class Owners {
  readonly found = new Map<string, Verdict>();
  readonly #partition: number;
  #committed = { offset: 0, metadata: '' };
  #detector: PartitionDetector;
  #conclude: Conclude;

  constructor(partition: number) {
    this.#partition = partition;
    [this.#detector, this.#conclude] = this.#next();
  }

  read(record: LogRecord): void {
    for (const verdict of this.#conclude(record)) {
      // Concluded again by a successor: the same conclusion, to the last field.
      expect(this.found.get(verdict.id) ?? verdict).toEqual(verdict);
      this.found.set(verdict.id, verdict);
    }
  }

  commit(): void {
    const checkpoint = this.#detector.checkpoint();
    this.#committed = { offset: checkpoint.offset, metadata: formatCheckpoint(checkpoint) };
  }

  /** The owner dies; the next one reads on from what was committed. */
  crash(records: readonly LogRecord[], upTo: number): void {
    [this.#detector, this.#conclude] = this.#next();
    for (const record of records.slice(this.#committed.offset, upTo)) this.read(record);
  }

  #next(): [PartitionDetector, Conclude] {
    const { offset: fromOffset, metadata } = this.#committed;
    const horizonMs = parseCheckpoint(metadata);
    const options = { ...setting, partition: this.#partition, fromOffset, ...(horizonMs !== null && { horizonMs }) };
    const detector = new PartitionDetector(options);
    const scanner = new EventScanner();
    const conclude: Conclude = ({ offset, appendedAtMs, ...frame }) =>
      detector.observe({ offset, appendedAtMs, events: seenEventsOf(frame, scanner, ignore) });
    return [detector, conclude];
  }
}

const crashes = fc.array(fc.record({ at: fc.nat(200), committedBefore: fc.integer({ min: 0, max: 30 }) }), {
  maxLength: 6,
});

describe('the same log', () => {
  it('gives the same verdicts whoever reads it, however often they die and wherever they last committed', () => {
    let verdicts = 0;
    fc.assert(
      fc.property(sentFrames(partitions, { minLength: 60, maxLength: 200 }), crashes, (sent, deaths) => {
        for (let partition = 0; partition < partitions; partition += 1) {
          const records = recordsOf(sent, partition);
          const owners = new Owners(partition);
          for (const [index, record] of records.entries()) {
            if (deaths.some(({ at, committedBefore }) => index === at - committedBefore)) owners.commit();
            if (deaths.some(({ at }) => index === at)) owners.crash(records, index);
            owners.read(record);
          }
          const expected = readThrough(records, partition);
          expect([...owners.found.values()]).toEqual(expected);
          verdicts += expected.length;
        }
      }),
      { numRuns: 80, endOnFailure: true },
    );
    expect(verdicts).toBeGreaterThan(200);
  });

  it('makes the same blocks with 1, 2 and 4 detectors, while they come and go', async () => {
    const moves = fc.array(fc.record({ at: fc.nat(100), who: fc.nat(3) }), { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sentFrames(partitions, { minLength: 60, maxLength: 100 }), moves, async (sent, changes) => {
        const verdicts = Array.from({ length: partitions }, (_, partition) =>
          readThrough(recordsOf(sent, partition), partition, live),
        );
        const expected = new Map(verdicts.flat().map((verdict) => [verdict.id, verdict]));
        for (const detectors of [1, 2, 4]) {
          expect(await promotedBy(sent, { detectors, changes })).toEqual(expected);
        }
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });
});

interface Play {
  readonly detectors: number;
  /** Before so many frames this one leaves, or comes back. */
  readonly changes: readonly { readonly at: number; readonly who: number }[];
}

/** What live detectors of one group promote, by the id of the verdict. */
const promotedBy = async (sent: readonly Sent[], { detectors, changes }: Play): Promise<Map<string, Verdict>> => {
  const promoted = new Map<string, Verdict>();
  const clock = new ManualClock(morningMs);
  const list = new MemoryBlockList({ clock });
  const promote = (promotion: Promotion): ReturnType<typeof list.promote> => {
    const { verdict } = promotion;
    expect(promoted.get(verdict.id) ?? verdict).toEqual(verdict);
    promoted.set(verdict.id, verdict);
    return list.promote(promotion);
  };
  const notes = { noteTraffic: () => Promise.resolve(), noteIdentities: () => Promise.resolve() };
  const log = new MemoryEventLog({ clock, partitions });
  // Keeps the records: a group that never commits.
  await log.reader(topics.decisions, 'keeper');
  const open = async () => {
    const detector = createDetector({ log, rules: ruleSet, blockList: { promote, ...notes }, clock });
    await detector.start();
    return detector;
  };
  const owners = await Promise.all(Array.from({ length: detectors }, open));
  const writer = await log.writer(topics.decisions);
  for (const [index, { frame, appendedAtMs }] of sent.entries()) {
    for (const { at, who } of changes) {
      if (at !== index || who >= detectors) continue;
      await owners[who]?.stop();
      owners[who] = await open();
    }
    clock.advance(appendedAtMs - clock.nowMs());
    await writer.append([frame]);
  }
  const ends = [...(await log.endPositions(topics.decisions))];
  await vi.waitFor(
    () => {
      const reached = new Map(owners.flatMap((owner) => [...owner.positions()]));
      expect(ends.filter(([partition, end]) => (reached.get(partition) ?? 0) < end)).toEqual([]);
    },
    { timeout: 15_000 },
  );
  for (const owner of owners) await owner.stop();
  await log.close();
  return promoted;
};
