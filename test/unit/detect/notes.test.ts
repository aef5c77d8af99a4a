import { describe, expect, it, vi } from 'vitest';
import type { IdentityNote, TrafficNote } from '../../../src/blocklist/block-promoter.ts';
import { ManualClock } from '../../../src/clock.ts';
import { IdentityBook, type Served } from '../../../src/detect/identities.ts';
import { NoteTaker, noteDefaults } from '../../../src/detect/notes.ts';
import { TrafficMeter } from '../../../src/detect/traffic.ts';
import { silentLogger } from '../../../src/logger.ts';
import { morningMs } from '../../support/decisions.ts';
import { promotionOf } from '../../support/promotions.ts';

const minuteMs = 60_000;

describe('TrafficMeter', () => {
  it('adds up what was allowed, minute by minute of log time, and tells each minute as it stands', () => {
    const meter = new TrafficMeter({ partition: 3, startsMidway: false });
    meter.addAllowed('a', 5, morningMs);
    meter.addAllowed('b', 2, morningMs + 30_000);
    meter.addAllowed('a', 1, morningMs + 59_999);
    expect(meter.take()).toEqual([{ partition: 3, windowStartMs: morningMs, allowed: 8, clients: 2 }]);
    expect(meter.take()).toEqual([]);
    meter.addAllowed('c', 4, morningMs + minuteMs);
    meter.addAllowed('c', 1, morningMs + 1000);
    expect(meter.take()).toEqual([
      { partition: 3, windowStartMs: morningMs, allowed: 9, clients: 3 },
      { partition: 3, windowStartMs: morningMs + minuteMs, allowed: 4, clients: 1 },
    ]);
  });

  it('counts decisions of clients folded together, but not as a client', () => {
    const meter = new TrafficMeter({ partition: 0, startsMidway: false });
    meter.addAllowed('~other', 7, morningMs);
    expect(meter.take()).toMatchObject([{ allowed: 7, clients: 0 }]);
  });

  it('leaves out the minute in which it began in the middle of the log: another has seen all of it', () => {
    const meter = new TrafficMeter({ partition: 0, startsMidway: true });
    meter.addAllowed('a', 1, morningMs + 40_000);
    meter.addAllowed('a', 1, morningMs + 70_000);
    expect(meter.take()).toMatchObject([{ windowStartMs: morningMs + minuteMs, allowed: 1 }]);
  });

  it('is bounded: keeps an hour of minutes that nobody takes, counts the others, and adds nothing to what is closed', () => {
    const meter = new TrafficMeter({ partition: 0, startsMidway: false });
    for (let minute = 0; minute < 100; minute += 1) meter.addAllowed('a', 1, morningMs + minute * minuteMs);
    meter.addAllowed('late', 1, morningMs);
    expect(meter.dropped).toBe(37);
    expect(meter.take()).toHaveLength(63);
  });

  it.each([100, 10_000, 300_000])('tells %i clients apart within two percent', (clients) => {
    const meter = new TrafficMeter({ partition: 0, startsMidway: false });
    for (let client = 0; client < clients; client += 1) meter.addAllowed(`client-${client}`, 1, morningMs);
    const [note] = meter.take();
    expect(Math.abs((note?.clients ?? 0) / clients - 1)).toBeLessThan(0.02);
  });
});

const ann = { kind: 'user', id: 'ann' } as const;
const servedAt = (change: Partial<Served> = {}): Served => ({
  client: ann,
  address: '198.51.100.7',
  atMs: morningMs,
  ...change,
});

const told = () => {
  const notes: IdentityNote[] = [];
  return {
    notes,
    list: {
      noteIdentities: (batch: readonly IdentityNote[]) => {
        notes.push(...batch);
        return Promise.resolve();
      },
    },
  };
};

describe('IdentityBook', () => {
  it('tells who was served where, once in six hours', async () => {
    const book = new IdentityBook();
    const { notes, list } = told();
    for (const hour of [0, 1, 5, 7]) book.see(servedAt({ atMs: morningMs + hour * 3_600_000 }));
    book.see(servedAt({ address: '198.51.100.8' }));
    await book.tell(list);
    expect(notes).toEqual([
      { address: '198.51.100.7', clientKey: 'user:ann' },
      { address: '198.51.100.7', clientKey: 'user:ann' },
      { address: '198.51.100.8', clientKey: 'user:ann' },
    ]);
  });

  it('takes nobody who is known by address alone, is folded together with others or came from nowhere', async () => {
    const book = new IdentityBook();
    const { notes, list } = told();
    book.see(servedAt({ client: { kind: 'ip', id: '198.51.100.7' } }));
    book.see(servedAt({ client: { kind: 'key', id: '~other' } }));
    book.see(servedAt({ address: '' }));
    await book.tell(list);
    expect(notes).toEqual([]);
  });

  it('is bounded in what it remembers and in what waits, and tells later what did not fit', async () => {
    const book = new IdentityBook({ maxKnown: 100, maxWaiting: 50 });
    const { notes, list } = told();
    const flood = Array.from({ length: 1000 }, (_, index) => servedAt({ client: { kind: 'key', id: `k-${index}` } }));
    for (const served of flood) book.see(served);
    expect(book).toMatchObject({ known: 50, waiting: 50, dropped: 950 });
    await book.tell(list);
    for (const served of flood) book.see(served);
    expect(book).toMatchObject({ known: 100, waiting: 50 });
    await book.tell(list);
    expect(new Set(notes.map(({ clientKey }) => clientKey)).size).toBe(100);
  });

  it('forgets that it told what the list did not take', async () => {
    const book = new IdentityBook();
    book.see(servedAt());
    await book.tell({ noteIdentities: () => Promise.reject(new Error('away')) });
    expect(book).toMatchObject({ dropped: 1, known: 0 });
    const { notes, list } = told();
    book.see(servedAt());
    await book.tell(list);
    expect(notes).toHaveLength(1);
  });
});

describe('NoteTaker', () => {
  const setUp = () => {
    const clock = new ManualClock(morningMs);
    const traffic: TrafficNote[][] = [];
    const { notes: identities, list } = told();
    const noteTraffic = vi.fn((notes: readonly TrafficNote[]) => {
      traffic.push([...notes]);
      return Promise.resolve();
    });
    const taker = new NoteTaker({ blockList: { noteTraffic, ...list }, clock, logger: silentLogger });
    taker.assigned(0, false);
    taker.assigned(1, false);
    const see = (partition = 0) =>
      taker.see(partition, { client: ann, address: '198.51.100.7', count: 3, atMs: morningMs });
    return { clock, taker, traffic, identities, noteTraffic, see };
  };
  const verdict = { id: 'v', atMs: morningMs };

  it('tells traffic once a minute, of all partitions at once', async () => {
    const { clock, taker, traffic, see } = setUp();
    see();
    see(1);
    taker.tick();
    taker.tick();
    expect(traffic).toMatchObject([
      [
        { partition: 0, allowed: 3 },
        { partition: 1, allowed: 3 },
      ],
    ]);
    see();
    await nextTurn();
    clock.advance(noteDefaults.trafficEveryMs - 1);
    taker.tick();
    expect(traffic).toHaveLength(1);
    clock.advance(1);
    taker.tick();
    expect(traffic).toMatchObject([{}, [{ partition: 0, allowed: 6 }]]);
  });

  it('tells what a promotion is judged by before it, without waiting and not for each of many', async () => {
    const { taker, traffic, identities, see } = setUp();
    see();
    taker.prepare(promotionOf(verdict, { mode: 'shadow' }));
    expect(traffic).toEqual([]);
    taker.prepare(promotionOf(verdict));
    expect([traffic, identities]).toMatchObject([[[{ allowed: 3 }]], [{ clientKey: 'user:ann' }]]);
    await nextTurn();
    see();
    taker.prepare(promotionOf({ ...verdict, id: 'w' }));
    expect(traffic).toHaveLength(1);
    taker.prepare(promotionOf({ ...verdict, id: 'x', atMs: morningMs + noteDefaults.sharedForLogMs }));
    expect(traffic).toMatchObject([{}, [{ allowed: 6 }]]);
  });

  it('goes on when the list is away, and counts what was not told', async () => {
    const { clock, taker, noteTraffic, see } = setUp();
    noteTraffic.mockRejectedValueOnce(new Error('away'));
    see();
    taker.tick();
    await nextTurn();
    expect(taker.stats()).toMatchObject({ trafficDropped: 1 });
    see();
    clock.advance(noteDefaults.trafficEveryMs);
    taker.tick();
    expect(noteTraffic).toHaveBeenCalledTimes(2);
  });

  it('tells what it has counted of a partition that goes to another owner, who leaves that minute out', async () => {
    const { taker, traffic, see } = setUp();
    taker.tick();
    see(1);
    taker.revoked(1);
    taker.revoked(1);
    expect(traffic.flat()).toMatchObject([{ partition: 1, allowed: 3 }]);
    await taker.flush();
    expect(traffic.flat()).toHaveLength(1);
  });

  it('tells the rest when it ends', async () => {
    const { taker, traffic, see } = setUp();
    taker.tick();
    see();
    await taker.flush();
    expect(traffic.flat()).toMatchObject([{ allowed: 3 }]);
  });
});

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
