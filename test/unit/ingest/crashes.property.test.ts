import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { OutgoingFrame } from '../../../src/event/event-log.ts';
import { createIngester, type Ingester } from '../../../src/ingest/ingester.ts';
import { silentLogger } from '../../../src/logger.ts';
import { FrameSource } from '../../support/decision-frames.ts';
import { FakeEventTable, type InsertFault } from '../../support/fake-event-table.ts';
import { Death, ScriptedLog } from '../../support/scripted-log.ts';

/** What happens at one step: the process dies there, or the database fails there. */
type Mishap = 'none' | 'die' | 'die-after' | InsertFault;

interface Script {
  readonly frames: readonly { readonly emitter: number; readonly rows: number; readonly copies: number }[];
  readonly fetches: readonly number[];
  readonly commits: readonly ('none' | 'die' | 'die-after')[];
  readonly inserts: readonly Mishap[];
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

const scripts: fc.Arbitrary<Script> = fc.record({
  frames: fc.array(
    fc.record({
      emitter: fc.integer({ min: 0, max: 2 }),
      rows: fc.integer({ min: 1, max: 6 }),
      copies: fc.constantFrom(1, 1, 1, 2, 3),
    }),
    { minLength: 1, maxLength: 20 },
  ),
  fetches: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 12 }),
  commits: fc.array(fc.constantFrom('none', 'none', 'die', 'die-after'), { maxLength: 12 }),
  inserts: fc.array(fc.constantFrom(...mishaps), { maxLength: 16 }),
  maxBlockRows: fc.integer({ min: 1, max: 30 }),
});

const recordsOf = ({ frames }: Script): { readonly sent: OutgoingFrame[]; readonly rows: number } => {
  const sources = [0, 1, 2].map((index) => new FrameSource({ emitter: `emitter-${index}` }));
  const sent: OutgoingFrame[] = [];
  let rows = 0;
  for (const { emitter, rows: size, copies } of frames) {
    const frame = sources[emitter]?.frameOf(size);
    if (!frame) continue;
    rows += size;
    for (let copy = 0; copy < copies; copy += 1) sent.push(frame);
  }
  return { sent, rows };
};

/** Arms the mishaps, each once: a script ends with everything working. */
const arm = (script: Script, log: ScriptedLog, table: FakeEventTable): void => {
  const commits = [...script.commits];
  let current: Mishap = 'none';
  log.onCommit = (moment) => {
    if (moment === 'before') current = commits.shift() ?? 'none';
    if (current === (moment === 'before' ? 'die' : 'die-after')) throw new Death();
  };
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

const settled = async (clock: ManualClock, work: Promise<void>): Promise<'done' | 'dead'> => {
  let outcome: 'done' | 'dead' | Error | null = null;
  work.then(
    () => {
      outcome = 'done';
    },
    (error: unknown) => {
      outcome = error instanceof Death ? 'dead' : (error as Error);
    },
  );
  while (outcome === null) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(5_000);
  }
  if (outcome !== 'done' && outcome !== 'dead') throw outcome;
  return outcome;
};

const play = async (script: Script): Promise<{ log: ScriptedLog; table: FakeEventTable; ingester: Ingester }> => {
  const log = new ScriptedLog();
  const table = new FakeEventTable();
  const clock = new ManualClock();
  log.add(...recordsOf(script).sent);
  arm(script, log, table);
  const { maxBlockRows } = script;
  const fetchSize = (turn: number): number => script.fetches[turn % script.fetches.length] ?? 1;
  for (let life = 0, turn = 0; life < 100; life += 1) {
    const ingester = createIngester({ log, table, clock, logger: silentLogger, maxBlockRows });
    await ingester.start();
    let offset = log.committed.offset ?? 0;
    let state: 'done' | 'dead' = 'done';
    while (offset < log.records.length && state === 'done') {
      const next = Math.min(log.records.length, offset + fetchSize(turn++));
      state = await settled(clock, log.deliver(offset, next));
      offset = next;
    }
    if (state === 'done') return { log, table, ingester };
  }
  throw new Error('it never came to an end');
};

it('stores each row exactly once, for any cut into fetches, any deaths of the process and any failures of the database', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const { rows } = recordsOf(script);
      const { log, table, ingester } = await play(script);
      const keys = table.rows.map(({ emitter, seq }) => `${emitter}:${seq}`);
      expect(new Set(keys).size).toBe(keys.length);
      expect(table.total).toBe(rows);
      expect(table.derived).toBe(rows);
      expect(log.committed).toEqual({ offset: log.records.length, metadata: '' });
      expect(ingester.stats().storedTwiceRows).toBe(0);
    }),
    { numRuns: 300 },
  );
}, 60_000);
