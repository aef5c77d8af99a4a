import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { TidegateError } from '../../../src/errors.ts';
import type { OutgoingFrame } from '../../../src/event/event-log.ts';
import { createIngester, type Ingester } from '../../../src/ingest/ingester.ts';
import { silentLogger } from '../../../src/logger.ts';
import { FrameSource } from '../../support/decision-frames.ts';
import { FakeEventTable, type InsertFault, poison } from '../../support/fake-event-table.ts';
import { Death, ScriptedLog } from '../../support/scripted-log.ts';

/** What happens at one step: the process dies there, or the database fails there. */
type Mishap = 'none' | 'die' | 'die-after' | InsertFault;

type Step = 'none' | 'die' | 'die-after';

/** What an emitter does: sends a frame (once or more), loses it, sends a garbled one, one that is refused, or says where it stands. */
type Sending = 'frame' | 'lost' | 'garbled' | 'refused' | 'empty';

interface Script {
  readonly frames: readonly {
    readonly emitter: number;
    readonly rows: number;
    readonly copies: number;
    readonly sending: Sending;
  }[];
  readonly fetches: readonly number[];
  readonly commits: readonly Step[];
  readonly inserts: readonly Mishap[];
  readonly accounts: readonly Step[];
  readonly maxBlockRows: number;
}

const mishaps: Mishap[] = [
  'none',
  'die',
  'die-after',
  'away',
  'no-answer',
  'half',
  'token-without-rows',
  'rows-without-token',
];

const steps = fc.constantFrom<Step>('none', 'none', 'die', 'die-after');

const scripts: fc.Arbitrary<Script> = fc.record({
  frames: fc.array(
    fc.record({
      emitter: fc.integer({ min: 0, max: 2 }),
      rows: fc.integer({ min: 1, max: 6 }),
      copies: fc.constantFrom(1, 1, 1, 2, 3),
      sending: fc.constantFrom<Sending>('frame', 'frame', 'frame', 'frame', 'lost', 'garbled', 'refused', 'empty'),
    }),
    { minLength: 1, maxLength: 20 },
  ),
  fetches: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 12 }),
  commits: fc.array(steps, { maxLength: 12 }),
  inserts: fc.array(fc.constantFrom(...mishaps), { maxLength: 16 }),
  accounts: fc.array(steps, { maxLength: 12 }),
  maxBlockRows: fc.integer({ min: 1, max: 30 }),
});

interface Sent {
  /** In the log, copies included; null: a record that nobody can read. */
  readonly records: readonly (OutgoingFrame | null)[];
  readonly rows: number;
}

/** A frame of no rows, which says where its emitter stands. */
const emptyFrame = (source: FrameSource): OutgoingFrame => {
  const frame = source.frameOf(0);
  return { ...frame, headers: { ...frame.headers, last: true, minTimeMs: 0, maxTimeMs: 0 } };
};

const sentBy = ({ frames }: Script): Sent => {
  const sources = [0, 1, 2].map((index) => new FrameSource({ emitter: `emitter-${index}` }));
  const records: (OutgoingFrame | null)[] = [];
  let rows = 0;
  for (const { emitter, rows: size, copies, sending } of frames) {
    const source = sources[emitter] ?? new FrameSource();
    const frame =
      sending === 'refused'
        ? source.frame(...Array.from({ length: size }, () => ({ client: poison })))
        : sending === 'empty'
          ? emptyFrame(source)
          : source.frameOf(size);
    if (sending === 'frame') rows += size;
    if (sending === 'lost') continue;
    for (let copy = 0; copy < copies; copy += 1) records.push(sending === 'garbled' ? null : frame);
  }
  return { records, rows };
};

/** Arms the mishaps, each once: a script ends with everything working. */
const arm = (script: Script, log: ScriptedLog, table: FakeEventTable): void => {
  const dying = (steps: readonly Step[]): ((moment: 'before' | 'after') => void) => {
    const left = [...steps];
    let current: Step = 'none';
    return (moment) => {
      if (moment === 'before') current = left.shift() ?? 'none';
      if (current === (moment === 'before' ? 'die' : 'die-after')) throw new Death();
    };
  };
  log.onCommit = dying(script.commits);
  table.onAccount = dying(script.accounts);
  const inserts = [...script.inserts];
  table.faultOf = () => {
    const mishap = inserts.shift() ?? 'none';
    if (mishap === 'die') throw new Death();
    return mishap === 'none' || mishap === 'die-after' ? null : mishap;
  };
  const insert = table.insert.bind(table);
  table.insert = async (runs, token) => {
    const isLast = inserts[0] === 'die-after';
    await insert(runs, token);
    if (isLast) throw new Death();
  };
};

const settled = async (clock: ManualClock, work: Promise<void>): Promise<'done' | 'dead' | 'again'> => {
  let outcome: 'done' | 'dead' | 'again' | Error | null = null;
  work.then(
    () => {
      outcome = 'done';
    },
    (error: unknown) => {
      outcome = error instanceof Death ? 'dead' : (error as TidegateError).retryable ? 'again' : (error as Error);
    },
  );
  while (outcome === null) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(5_000);
  }
  if (outcome !== 'done' && outcome !== 'dead' && outcome !== 'again') throw outcome;
  return outcome;
};

const play = async (script: Script): Promise<{ log: ScriptedLog; table: FakeEventTable; ingester: Ingester }> => {
  const log = new ScriptedLog();
  const table = new FakeEventTable();
  const clock = new ManualClock();
  for (const frame of sentBy(script).records) {
    if (frame) log.add(frame);
    else log.addRaw({ v: '1', emitter: 'emitter-0' }, Buffer.from('?'));
  }
  arm(script, log, table);
  const { maxBlockRows } = script;
  const fetchSize = (turn: number): number => script.fetches[turn % script.fetches.length] ?? 1;
  for (let life = 0, turn = 0; life < 100; life += 1) {
    const ingester = createIngester({ log, table, clock, logger: silentLogger, maxBlockRows });
    await ingester.start();
    let offset = log.position;
    let state: 'done' | 'dead' = 'done';
    while (offset < log.records.length && state === 'done') {
      const next = Math.min(log.records.length, offset + fetchSize(turn++));
      const outcome = await settled(clock, log.deliver(offset, next));
      if (outcome === 'again') continue;
      state = outcome;
      offset = next;
    }
    if (state === 'done') return { log, table, ingester };
  }
  throw new Error('it never came to an end');
};

/**
 * A successor reads the block that was under way in two batches, the database refuses a row of it, and is away while its halves are
 * stored: the log brings only the second batch again.
 */
const refusedAcrossBatches: Script = {
  frames: [
    { emitter: 0, rows: 1, copies: 1, sending: 'frame' },
    { emitter: 0, rows: 1, copies: 1, sending: 'refused' },
  ],
  fetches: [1, 2, 1],
  commits: ['die', 'die-after'],
  inserts: ['none', 'away', 'away', 'away', 'token-without-rows'],
  accounts: [],
  maxBlockRows: 2,
};
const examples: [Script][] = [[refusedAcrossBatches]];

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

it('stores each row exactly once, for any cut into fetches, any deaths of the process and any failures of the database', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const { rows } = sentBy(script);
      const { log, table, ingester } = await play(script);
      const keys = table.rows.map(({ emitter, seq }) => `${emitter}:${seq}`);
      expect(new Set(keys).size).toBe(keys.length);
      expect(table.total).toBe(rows);
      expect(table.derived).toBe(rows);
      expect(log.committed).toEqual({ offset: log.records.length || null, metadata: '' });
      expect(ingester.stats().storedTwiceRows).toBe(0);
    }),
    { numRuns: 300, examples },
  );
}, 60_000);

it('keeps a ledger without a gap or an overlap that sums to what is stored, wherever a process dies', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const { log, table } = await play(script);
      const lines = [...table.ledger.values()].sort((a, b) => a.startOffset - b.startOffset);
      expect(lines.map(({ startOffset }) => startOffset)).toEqual(
        [0, ...lines.map(({ endOffset }) => endOffset)].slice(0, -1),
      );
      expect(lines.at(-1)?.endOffset ?? 0).toBe(log.records.length);
      expect(sum(lines.map(({ rows }) => rows))).toBe(table.rows.length);
      for (const line of lines) expect(sum(line.emitters.map(({ rows }) => rows))).toBe(line.rows);
      for (const emitter of new Set(table.rows.map((row) => row.emitter))) {
        const spans = lines.flatMap(({ emitters }) => emitters.filter((span) => span.emitter === emitter));
        expect(sum(spans.map((span) => span.rows))).toBe(table.rows.filter((row) => row.emitter === emitter).length);
      }
      expect(sum(lines.map(({ deadLetters }) => deadLetters))).toBeLessThanOrEqual(log.deadLetters.length);
      expect(sum(lines.map(({ lostRecords }) => lostRecords))).toBe(0);
    }),
    { numRuns: 300, examples },
  );
}, 60_000);

it('writes a line of the ledger before the next block is announced, whatever it holds', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const { log, table } = await play(script);
      const ends = new Set(table.accounts.map(({ endOffset }) => endOffset));
      for (const { offset } of log.commits.filter(({ offset: at }) => at > 0)) expect(ends).toContain(offset);
    }),
    { numRuns: 100 },
  );
}, 60_000);
