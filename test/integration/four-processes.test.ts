import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compiledScript } from '../services/compiled.ts';
import { describeWith, freshName } from '../support/engines.ts';
import type { HammerJob, HammerReport } from '../support/hammer-child.ts';

const script = compiledScript('test/support/hammer-child.ts');
const processes = 4;
const secondUs = 1_000_000;

type Interval = readonly [fromUs: number, toUs: number];

/** How many units an interval of `lengthUs` may admit. */
type Bound = (lengthUs: number) => number;

/** Instants at which a look begins: more would find no more, and take minutes. */
const looks = 300;

/**
 * By how much the worst interval exceeds its bound, units; 0 or less: none does. Counts what was admitted within it for
 * certain.
 */
const worstExcess = (admitted: readonly Interval[], bound: Bound): number => {
  const byEnd = [...admitted].sort(([, a], [, b]) => a - b);
  const starts = admitted.map(([from]) => from).sort((a, b) => a - b);
  const step = Math.max(1, Math.floor(starts.length / looks));
  let worst = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < starts.length; at += step) {
    const startUs = starts[at] ?? 0;
    let count = 0;
    for (const [fromUs, toUs] of byEnd) {
      if (fromUs < startUs) continue;
      count += 1;
      worst = Math.max(worst, count - bound(toUs - startUs));
    }
  }
  return worst;
};

/** The most that were admitted in one window, of windows aligned to the epoch. */
const mostInWindow = (admitted: readonly Interval[], windowUs: number): number => {
  const counts = new Map<number, number>();
  for (const [fromUs, toUs] of admitted) {
    const window = Math.floor(fromUs / windowUs);
    if (Math.floor(toUs / windowUs) === window) counts.set(window, (counts.get(window) ?? 0) + 1);
  }
  return Math.max(...counts.values());
};

const mostAtOnce = (held: readonly Interval[]): number => {
  const changes = held
    .filter(([from, to]) => to > from)
    .flatMap(([from, to]) => [
      { atUs: from, by: 1 },
      { atUs: to, by: -1 },
    ]);
  // What ends and what begins in one instant did not overlap.
  changes.sort((a, b) => a.atUs - b.atUs || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
};

describeWith('redis', 'four processes that hammer one counter', (url) => {
  const children: ChildProcess[] = [];
  beforeAll(() => {
    for (let index = 0; index < processes; index += 1) {
      children.push(fork(script, [], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
    }
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  const hammer = async (job: Pick<HammerJob, 'policy'> & Partial<HammerJob>) => {
    const namespace = freshName('hammer');
    const order: HammerJob = { url, namespace, leases: false, forMs: 1_200, atOnce: 20, holdMs: 0, ...job };
    const reports = await Promise.all(
      children.map(async (child) => {
        child.send(order);
        const [report] = (await once(child, 'message')) as [HammerReport];
        return report;
      }),
    );
    expect(reports.map(({ degraded }) => degraded)).toEqual(Array(processes).fill(0));
    // Nobody was kept out altogether, and there was more than the limit lets through.
    for (const { asked } of reports) expect(asked).toBeGreaterThan(0);
    const admitted = reports.flatMap((report) => report.admitted);
    const asked = reports.reduce((sum, report) => sum + report.asked, 0);
    expect(admitted.length).toBeLessThan(asked);
    return { admitted, held: reports.flatMap((report) => report.held), reports };
  };
  const base = { name: 'shared', limit: 500, window: '1s' } as const;
  const refilling: Bound = (lengthUs) => 100 + (500 * lengthUs) / secondUs;

  it('get of a token bucket what its burst and its rate allow, in every interval', async () => {
    const { admitted } = await hammer({ policy: { ...base, algorithm: 'token-bucket', burst: 100 } });
    expect(admitted.length).toBeGreaterThanOrEqual(100);
    expect(worstExcess(admitted, refilling)).toBeLessThanOrEqual(0);
  });

  it('get no more when they spend out of leases', async () => {
    // Enough at first that each process is seen to be busy before the bucket has nothing left to lend.
    const { admitted, reports } = await hammer({
      policy: { ...base, algorithm: 'token-bucket', burst: 4_000 },
      leases: true,
      forMs: 2_500,
    });
    expect(admitted.length).toBeGreaterThanOrEqual(4_000);
    expect(reports.reduce((sum, { leased }) => sum + leased, 0)).toBeGreaterThan(0);
    expect(worstExcess(admitted, (lengthUs) => 4_000 + (500 * lengthUs) / secondUs)).toBeLessThanOrEqual(0);
  });

  it('get of a leaky bucket what its queue holds and lets out, in every interval', async () => {
    const { admitted } = await hammer({ policy: { ...base, algorithm: 'leaky-bucket', burst: 100 } });
    expect(admitted.length).toBeGreaterThanOrEqual(100);
    expect(worstExcess(admitted, refilling)).toBeLessThanOrEqual(0);
  });

  it('get of a fixed window its limit, and no interval of that length more than twice as much', async () => {
    const { admitted } = await hammer({ policy: { ...base, algorithm: 'fixed-window' } });
    expect(mostInWindow(admitted, secondUs)).toBeLessThanOrEqual(500);
    const bound: Bound = (lengthUs) => 500 * (Math.ceil(lengthUs / secondUs) + 1);
    expect(worstExcess(admitted, bound)).toBeLessThanOrEqual(0);
  });

  it('get of a sliding window its limit, and of an interval what its weights allow', async () => {
    const { admitted } = await hammer({ policy: { ...base, algorithm: 'sliding-window' } });
    expect(mostInWindow(admitted, secondUs)).toBeLessThanOrEqual(500);
    expect(worstExcess(admitted, (lengthUs) => 500 + (500 * lengthUs) / secondUs)).toBeLessThanOrEqual(0);
  });

  it('hold no more places at once than a concurrency limit has', async () => {
    const policy = { ...base, algorithm: 'concurrency', limit: 25, window: '30s' } as const;
    const { held } = await hammer({ policy, holdMs: 8 });
    expect(held.length).toBeGreaterThan(25);
    expect(mostAtOnce(held)).toBeLessThanOrEqual(25);
    expect(mostAtOnce(held)).toBeGreaterThan(1);
  });
});
