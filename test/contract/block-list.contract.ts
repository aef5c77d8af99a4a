import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BlockList } from '../../src/blocklist/block-list.ts';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import { type Client, clientKeyOf } from '../../src/client.ts';
import { ManualClock } from '../../src/clock.ts';
import { clientA, clientB, duration, promotionOf } from '../support/promotions.ts';

/** What an implementation adds to the port: how people keep a client off the list. */
export interface AllowingBlockList extends BlockList {
  allow(client: Client, untilMs: number): Promise<void>;
}

export interface BlockListSetting {
  readonly clock: ManualClock;
  readonly random?: () => number;
  readonly maxChanges?: number;
}

/** A new, empty list that lives in the time of the clock. */
export type MakeBlockList = (setting: BlockListSetting) => AllowingBlockList;

const startMs = 1_750_000_000_000;
const hourMs = 3_600_000;

/** What every block list guarantees. */
export const blockListContract = (make: MakeBlockList): void => {
  const setUp = (setting: Omit<BlockListSetting, 'clock'> = {}) => {
    const clock = new ManualClock(startMs);
    const list = make({ clock, ...setting });
    const promote = (id: string, change: Partial<Parameters<typeof promotionOf>[0]> = {}) =>
      list.promote(promotionOf({ id, atMs: clock.nowMs(), ...change }));
    return { clock, list, promote };
  };

  promotionContract(setUp);
  liftContract(setUp);
  listingContract(setUp);
  followingContract(setUp);
};

type SetUp = (setting?: Omit<BlockListSetting, 'clock'>) => {
  clock: ManualClock;
  list: AllowingBlockList;
  promote: (
    id: string,
    change?: Partial<Parameters<typeof promotionOf>[0]>,
  ) => ReturnType<AllowingBlockList['promote']>;
};

const promotionContract = (setUp: SetUp): void => {
  it('makes an active block of a verdict, with its evidence, and puts the client on the list', async () => {
    const { list, promote } = setUp();
    const result = await promote('v1');
    expect(result).toMatchObject({
      kind: 'activated',
      block: {
        state: 'active',
        version: 1,
        client: clientA,
        rule: 'breadth',
        verdictId: 'v1',
        blockedAtMs: startMs,
        expiresAtMs: startMs + 60_000,
        strikes: 1,
        actor: 'detector',
        evidence: { denied: 240, routes: [{ route: 'POST /login', denied: 200 }, { route: 'GET /' }] },
      },
    });
    if (result.kind !== 'activated') throw new Error('not reached');
    expect(await list.get(result.block.id)).toEqual(result.block);
    expect((await list.snapshot()).entries).toEqual([
      {
        clientKey: 'ip:203.0.113.9',
        blockId: result.block.id,
        rule: 'breadth',
        expiresAtMs: startMs + 60_000,
      },
    ]);
  });

  it('makes one block of a hundred parallel promotions of one verdict', async () => {
    const { list, promote } = setUp();
    const results = await Promise.all(Array.from({ length: 100 }, () => promote('v1')));
    expect(results.filter(({ kind }) => kind === 'activated')).toHaveLength(1);
    expect(results.filter(({ kind }) => kind === 'already')).toHaveLength(99);
    expect((await list.list({})).blocks).toHaveLength(1);
    expect((await list.snapshot()).sequence).toBe(1);
  });

  it('makes one block of parallel verdicts about one client', async () => {
    const { promote } = setUp();
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => promote(`v${index}`)));
    expect(results.filter(({ kind }) => kind === 'activated')).toHaveLength(1);
  });

  it('answers a known verdict with the block it made, even when that block is over', async () => {
    const { clock, promote } = setUp();
    const first = await promote('v1');
    clock.advance(61_000);
    const again = await promote('v1', { atMs: startMs });
    expect(again).toEqual({ kind: 'already', blockId: first.kind === 'activated' ? first.block.id : '' });
  });

  it('gives no strike for promoting a verdict again, and a longer block for every further verdict, up to the cap', async () => {
    const { clock, promote } = setUp();
    const lengths: number[] = [];
    for (const id of ['v1', 'v2', 'v3', 'v4', 'v5']) {
      const result = await promote(id);
      await promote(id);
      if (result.kind === 'activated') lengths.push(result.block.expiresAtMs - result.block.blockedAtMs);
      clock.advance(duration.maxMs);
    }
    expect(lengths).toEqual([60_000, 120_000, 240_000, 300_000, 300_000]);
  });

  it('forgets a strike when its time is over', async () => {
    const { clock, promote } = setUp();
    await promote('v1');
    clock.advance(duration.strikeTtlMs + 1);
    expect(await promote('v2')).toMatchObject({ kind: 'activated', block: { strikes: 1 } });
  });

  it('shortens a block by its random share only', async () => {
    const { clock, list } = setUp({ random: () => 0.5 });
    const jittered = { ...duration, jitter: 0.2 };
    const result = await list.promote(promotionOf({ id: 'v1', atMs: clock.nowMs() }, { duration: jittered }));
    expect(result).toMatchObject({ kind: 'activated', block: { expiresAtMs: startMs + 54_000 } });
  });

  it('proposes what a rule under review concludes, once per client, and blocks nobody', async () => {
    const { clock, list } = setUp();
    const review = (id: string) => list.promote(promotionOf({ id, atMs: clock.nowMs() }, { mode: 'review' }));
    const first = await review('v1');
    expect(first).toMatchObject({ kind: 'proposed', block: { state: 'proposed' } });
    expect(await review('v2')).toEqual({ kind: 'already', blockId: first.kind === 'proposed' ? first.block.id : '' });
    expect((await list.snapshot()).entries).toEqual([]);
  });

  it('proposes instead of blocking when a rule is over its hourly budget, and blocks again an hour later', async () => {
    const { clock, list } = setUp();
    const promote = (index: number) => {
      const client: Client = { kind: 'ip', id: `192.0.2.${index}` };
      return list.promote(promotionOf({ id: `v${index}`, atMs: clock.nowMs(), client }, { maxBlocksPerHour: 3 }));
    };
    const kinds = (await Promise.all([1, 2, 3, 4, 5].map(promote))).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['activated', 'activated', 'activated', 'proposed', 'proposed']);
    expect((await list.list({ states: ['proposed'] })).blocks[0]?.reason).toContain('budget');
    clock.advance(hourMs + 1);
    expect((await promote(6)).kind).toBe('activated');
  });

  it('never blocks a client on the allow list, and says why', async () => {
    const { clock, list, promote } = setUp();
    await list.allow(clientA, startMs + hourMs);
    expect(await promote('v1')).toEqual({ kind: 'suppressed', reason: 'allow-list' });
    expect(await promote('v1')).toEqual({ kind: 'suppressed', reason: 'allow-list' });
    clock.advance(hourMs);
    expect((await promote('v2')).kind).toBe('activated');
  });

  it('makes no block of a verdict that is older than any block it could have made', async () => {
    const { promote } = setUp();
    expect(await promote('v1', { atMs: startMs - duration.maxMs })).toEqual({ kind: 'suppressed', reason: 'stale' });
  });
};

const liftContract = (setUp: SetUp): void => {
  const falsePositive = { actor: 'ada', reason: 'false-positive', note: 'office network' } as const;

  it('lifts a block: it is off the list, says who and why, its client cannot be promoted for a while, and gets no strike', async () => {
    const { clock, list, promote } = setUp();
    const made = await promote('v1');
    const id = made.kind === 'activated' ? made.block.id : '';
    expect(await list.lift(id, { ...falsePositive, tombstoneMs: 600_000 })).toMatchObject({
      state: 'lifted',
      version: 2,
      reason: 'false-positive: office network',
      actor: 'ada',
    });
    expect(await list.get(id)).toMatchObject({ state: 'lifted', version: 2 });
    expect((await list.snapshot()).entries).toEqual([]);
    expect(await promote('v2')).toEqual({ kind: 'suppressed', reason: 'tombstone' });
    clock.advance(600_000);
    expect(await promote('v3')).toMatchObject({ kind: 'activated', block: { strikes: 1 } });
  });

  it('keeps the strike of a block that was lifted out of goodwill', async () => {
    const { list, promote } = setUp();
    const made = await promote('v1');
    await list.lift(made.kind === 'activated' ? made.block.id : '', {
      actor: 'ada',
      reason: 'goodwill',
      note: '',
      tombstoneMs: 0,
    });
    expect(await promote('v2')).toMatchObject({ kind: 'activated', block: { strikes: 2 } });
  });

  it('lets exactly one of many parallel lifts of the same version win', async () => {
    const { list, promote } = setUp();
    const made = await promote('v1');
    const id = made.kind === 'activated' ? made.block.id : '';
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => list.lift(id, { ...falsePositive, actor: `r${index}`, ifVersion: 1 })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'BLOCK_CONFLICT' });
    }
    expect((await list.snapshot()).sequence).toBe(2);
  });

  it('refuses to lift another version, an ended block, or none', async () => {
    const { clock, list, promote } = setUp();
    const made = await promote('v1');
    const id = made.kind === 'activated' ? made.block.id : '';
    await expect(list.lift(id, { ...falsePositive, ifVersion: 7 })).rejects.toMatchObject({ code: 'BLOCK_CONFLICT' });
    clock.advance(60_000);
    await expect(list.lift(id, falsePositive)).rejects.toMatchObject({ code: 'BLOCK_CONFLICT' });
    await expect(list.lift('b-none', falsePositive)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
  });

  it('dismisses a proposal, and leaves a block of the same client alone', async () => {
    const { clock, list, promote } = setUp();
    const proposed = await list.promote(promotionOf({ id: 'v1', atMs: clock.nowMs() }, { mode: 'review' }));
    await promote('v2');
    const id = proposed.kind === 'proposed' ? proposed.block.id : '';
    expect(await list.lift(id, falsePositive)).toMatchObject({ state: 'lifted' });
    expect((await list.snapshot()).entries).toHaveLength(1);
  });

  it('lets a client be proposed again whose proposal was dismissed', async () => {
    const { clock, list } = setUp();
    const review = (id: string) => list.promote(promotionOf({ id, atMs: clock.nowMs() }, { mode: 'review' }));
    const first = await review('v1');
    const id = first.kind === 'proposed' ? first.block.id : '';
    await list.lift(id, { ...falsePositive, tombstoneMs: 0 });
    expect(await review('v2')).toMatchObject({ kind: 'proposed', block: { verdictId: 'v2' } });
  });
};

const listingContract = (setUp: SetUp): void => {
  const fill = async (promote: ReturnType<SetUp>['promote'], count: number) => {
    for (let index = 0; index < count; index += 1) {
      const rule = index % 2 === 0 ? 'breadth' : 'depth';
      await promote(`v${index}`, { rule, client: { kind: 'ip', id: `198.51.100.${index}` } });
    }
  };

  it('pages through all blocks, newest first, each once, while more are made', async () => {
    const { list, promote } = setUp();
    await fill(promote, 25);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof list.list>> = await list.list({ limit: 10, ...(cursor && { cursor }) });
      seen.push(...page.blocks.map((block) => block.verdictId));
      cursor = page.nextCursor;
      if (seen.length === 10) await promote('late', { client: clientB });
    } while (cursor !== null);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `v${24 - index}`));
  });

  it('filters by rule, client and state as it is now', async () => {
    const { clock, list, promote } = setUp();
    await fill(promote, 6);
    const query = async (change: Parameters<typeof list.list>[0]) =>
      (await list.list(change)).blocks.map((block) => block.verdictId);
    expect(await query({ rule: 'depth' })).toEqual(['v5', 'v3', 'v1']);
    expect(await query({ clientKey: 'ip:198.51.100.4' })).toEqual(['v4']);
    expect(await query({ states: ['expired'] })).toEqual([]);
    clock.advance(60_000);
    expect(await query({ states: ['active'] })).toEqual([]);
    expect(await query({ states: ['expired'], limit: 2 })).toEqual(['v5', 'v4']);
  });

  it('returns null for a block that nobody made', async () => {
    const { list } = setUp();
    expect(await list.get('b-none')).toBeNull();
  });
};

const followingContract = (setUp: SetUp): void => {
  it('tells a follower what happened after its cursor, at most as much as asked', async () => {
    const { list, promote } = setUp();
    const { epoch } = await list.snapshot();
    const made = await promote('v1');
    const id = made.kind === 'activated' ? made.block.id : '';
    const start = await list.snapshot();
    expect(start.epoch === epoch || epoch.startsWith('.')).toBe(true);
    await promote('v2', { client: clientB });
    await list.lift(id, { actor: 'ada', reason: 'goodwill', note: '' });
    const first = await list.changesAfter({ epoch: start.epoch, sequence: start.sequence }, 1);
    expect(first).toMatchObject({
      kind: 'changes',
      cursor: { sequence: 2 },
      changes: [{ kind: 'added', sequence: 2 }],
    });
    const rest = await list.changesAfter({ epoch: start.epoch, sequence: 2 }, 10);
    expect(rest).toMatchObject({
      kind: 'changes',
      cursor: { sequence: 3 },
      changes: [{ kind: 'removed', sequence: 3, clientKey: clientKeyOf(clientA), blockId: id }],
    });
    const end = await list.changesAfter({ epoch: start.epoch, sequence: 3 }, 10);
    expect(end).toMatchObject({ kind: 'changes', changes: [] });
  });

  it('says that there is a gap: in another epoch, ahead of the list, or behind what is kept', async () => {
    const { list, promote } = setUp({ maxChanges: 5 });
    for (let index = 0; index < 20; index += 1) {
      await promote(`v${index}`, { client: { kind: 'ip', id: `198.51.100.${index}` } });
    }
    const { epoch, sequence } = await list.snapshot();
    expect(await list.changesAfter({ epoch: 'other', sequence }, 10)).toEqual({ kind: 'gap' });
    expect(await list.changesAfter({ epoch, sequence: sequence + 1 }, 10)).toEqual({ kind: 'gap' });
    expect(await list.changesAfter({ epoch, sequence: 1 }, 10)).toEqual({ kind: 'gap' });
    expect(await list.changesAfter({ epoch, sequence: sequence - 5 }, 10)).toMatchObject({ kind: 'changes' });
  });

  it('keeps a replica that follows changes equal to a fresh one, whatever happened', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('promote' as const), client: fc.nat(5) }),
      fc.record({ kind: fc.constant('lift' as const), client: fc.nat(5) }),
      fc.record({ kind: fc.constant('wait' as const), client: fc.nat(90) }),
      fc.record({ kind: fc.constant('follow' as const), client: fc.nat(1) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, list, promote } = setUp({ maxChanges: 4 });
        const follower = new BlockListReplica({ feed: list, clock });
        let verdicts = 0;
        for (const { kind, client } of steps) {
          const clientId: Client = { kind: 'ip', id: `198.51.100.${client}` };
          if (kind === 'promote') await promote(`v${verdicts++}`, { client: clientId });
          if (kind === 'wait') clock.advance(client * 1000);
          if (kind === 'follow') await follower.sync();
          if (kind === 'lift') {
            const { blocks } = await list.list({ clientKey: clientKeyOf(clientId), states: ['active'] });
            const options = { actor: 'ada', reason: 'goodwill', note: '', tombstoneMs: 1000 } as const;
            if (blocks[0]) await list.lift(blocks[0].id, options);
          }
        }
        await follower.sync();
        const fresh = new BlockListReplica({ feed: list, clock });
        await fresh.sync();
        const nowMs = clock.nowMs();
        for (let client = 0; client <= 5; client += 1) {
          const clientKey = `ip:198.51.100.${client}`;
          expect(follower.find(clientKey, nowMs)).toEqual(fresh.find(clientKey, nowMs));
        }
        const { blocks } = await list.list({ states: ['active'] });
        const inForce = [0, 1, 2, 3, 4, 5].filter((client) => fresh.find(`ip:198.51.100.${client}`, nowMs) !== null);
        expect(inForce).toHaveLength(blocks.length);
      }),
      { numRuns: 25 },
    );
  });
};
