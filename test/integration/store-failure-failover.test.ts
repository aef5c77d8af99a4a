import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Decision } from '../../src/decision/decision.ts';
import { type OwnEngine, ownEngine } from '../services/engine.ts';
import { openRunFolder, removeFolder } from '../services/folders.ts';
import { redisLauncher } from '../services/redis.ts';
import { asOperator, until } from '../services/redis-control.ts';
import { describeWith, type RedisPair, startRedisPair } from '../support/engines.ts';
import { kindOf, openStage, type Stage, type StageOptions, tallyOf, withinDeadline } from '../support/failure-stage.ts';

const burst = 40;
const gates = 2;
const policies = [{ name: 'per-client', limit: 60, window: '1h', burst }];
/** A unit comes back once a minute: a test that is slow must not fail for one or two of them. */
const spare = 2;
/** How long a server that should answer may take, and one that should not. */
const patienceMs = 5_000;
const impatienceMs = 10;
const changeWithinMs = 20_000;

let stage: Stage;
let strangers = 0;

const open = async (options: Pick<StageOptions, 'url' | 'secondaryUrl'>): Promise<void> => {
  stage = await openStage({ ...options, policies, gates, denyCache: false });
};

/** Each gate decides on so many requests of one client. */
const ask = async (count: number, id = 'pushing', serverMs = patienceMs): Promise<Decision[]> => {
  const decisions: Decision[] = [];
  for (const { gate } of stage.gates) {
    const asked = Array.from({ length: count }, () =>
      gate.check({ clients: [{ kind: 'key', id }], method: 'GET', path: '/orders/7', route: '/orders/:id' }),
    );
    decisions.push(...(await withinDeadline(stage.clock, asked, serverMs)));
  }
  return decisions;
};

const allowedOf = (decisions: readonly Decision[]): number =>
  decisions.filter(({ outcome }) => outcome === 'allowed').length;
const kindsOf = (decisions: readonly Decision[]): string[] => [...new Set(decisions.map(kindOf))].sort();

/** Asks for clients that come once, whose units have to be written, until all gates say the same. */
const untilAll = (serverMs: number) =>
  expect.poll(
    async () => {
      stage.clock.advance(200);
      strangers += 1;
      return kindsOf(await ask(1, `stranger-${strangers}`, serverMs));
    },
    { timeout: changeWithinMs, interval: 50 },
  );
const untilFromStore = () => untilAll(impatienceMs * 20).toEqual(['store']);

afterEach(() => stage?.close());

describeWith('redis', 'gates with a Redis and its replica', () => {
  let leader: OwnEngine;
  let follower: OwnEngine;

  const start = (name: string): Promise<OwnEngine> => {
    const folder = openRunFolder(name);
    const launch = redisLauncher(() => ({ 'repl-diskless-sync-delay': 0 }));
    return ownEngine(launch, { folder: join(folder, 'data'), tied: true, remove: () => removeFolder(folder) });
  };
  const urlOf = ({ port }: OwnEngine): string => `redis://127.0.0.1:${port}`;
  const infoOf = ({ port }: OwnEngine): Promise<string> => asOperator(port, (redis) => redis.info('replication'));
  const follow = async (server: OwnEngine, other: OwnEngine): Promise<void> => {
    await asOperator(server.port, (redis) => redis.replicaof('127.0.0.1', other.port));
    await until('it follows', changeWithinMs, async () => (await infoOf(server)).includes('master_link_status:up'));
  };
  const lead = (server: OwnEngine): Promise<unknown> =>
    asOperator(server.port, (redis) => redis.replicaof('NO', 'ONE'));
  const inStep = (): Promise<void> =>
    until('the replica is in step', changeWithinMs, async () => {
      const info = await infoOf(leader);
      return info.includes(`offset=${/master_repl_offset:(\d+)/.exec(info)?.[1]},`);
    });
  const swap = async (): Promise<void> => {
    await lead(follower);
    await follow(leader, follower);
  };

  beforeAll(async () => {
    [leader, follower] = await Promise.all([start('leader'), start('follower')]);
  });
  beforeEach(async () => {
    await lead(leader);
    await follow(follower, leader);
  });
  afterAll(async () => {
    await Promise.all([leader.stop(), follower.stop()]);
  });

  it('know a primary that was demoted by its answer, decide by their shares, and go back when it is one again', async () => {
    await open({ url: urlOf(leader) });
    expect(kindsOf(await ask(10))).toEqual(['store']);
    await swap();

    const meanwhile: Decision[] = [];
    for (let round = 0; round < 30; round += 1) meanwhile.push(...(await ask(1, `new-${round}`, impatienceMs * 20)));
    expect(kindsOf(meanwhile)).toContain('fallback/read-only');
    expect(meanwhile.every(({ source }) => source === 'fallback')).toBe(true);

    await lead(leader);
    await untilFromStore();
    const tallies = await Promise.all(stage.gates.map(({ eventTally }) => eventTally()));
    const told = tallyOf(
      tallies.flatMap(Object.entries),
      ([kind]) => kind,
      ([, count]) => count,
    );
    const readOnly = 'fallback/read-only';
    expect(told[readOnly]).toBe(meanwhile.filter((decision) => kindOf(decision) === readOnly).length);
  });

  it('read the replica once per client while the primary is frozen: who had used up its limit stays out', async () => {
    await open({ url: urlOf(leader), secondaryUrl: urlOf(follower) });
    expect(allowedOf(await ask(burst))).toBe(burst);
    expect(allowedOf(await ask(burst / gates / 2, 'half'))).toBe(burst / 2);
    await inStep();
    leader.freeze();
    try {
      await untilAll(impatienceMs * 5).toEqual(['fallback/read-only']);
      const pushing = await ask(10);
      expect(pushing.every(({ source }) => source === 'fallback')).toBe(true);
      expect(allowedOf(pushing)).toBeLessThanOrEqual(spare);
      expect(allowedOf(await ask(burst, 'half'))).toBeLessThanOrEqual(burst / 2 + spare);
      expect(allowedOf(await ask(burst, 'half'))).toBeLessThanOrEqual(spare);
      expect(allowedOf(await ask(burst, 'new'))).toBe(burst);
    } finally {
      leader.thaw();
    }
    await untilFromStore();
  });

  it('let a replica that was promoted decide on the whole limit, and return to the first one when it is back', async () => {
    await open({ url: urlOf(leader), secondaryUrl: urlOf(follower) });
    expect(allowedOf(await ask(burst))).toBe(burst);
    await inStep();
    leader.freeze();
    try {
      await lead(follower);
      await untilAll(impatienceMs * 5).toEqual(['fallback/breaker-open']);
      expect(allowedOf(await ask(20))).toBeLessThanOrEqual(spare);
      const fresh = await ask(burst, 'fresh');
      expect(kindsOf(fresh)).toEqual(['fallback/breaker-open']);
      expect(allowedOf(fresh)).toBeLessThanOrEqual(burst + spare);
      expect(allowedOf(fresh)).toBeGreaterThanOrEqual(burst);
    } finally {
      leader.thaw();
    }
    await untilFromStore();
  });
});

describe('gates that follow a Sentinel', () => {
  describeWith('redis', 'whose primary is replaced', () => {
    let pair: RedisPair;
    beforeAll(async () => {
      pair = await startRedisPair();
    });
    afterAll(() => pair.stop());

    it('go on with the counters that the new one had received, and report the change once', async () => {
      await open({ url: pair.url });
      expect(allowedOf(await ask(burst))).toBe(burst);
      await pair.inStep();
      const primary = await pair.current();
      await pair[primary].kill();
      await pair.promoted(primary === 'primary' ? 'replica' : 'primary');
      await untilFromStore();
      expect(allowedOf(await ask(10))).toBeLessThanOrEqual(spare);
      const losses = () => {
        stage.clock.advance(1_000);
        return stage.gates.map((one) => [...one.losses]);
      };
      await expect.poll(losses, { timeout: changeWithinMs }).toEqual([['failover'], ['failover']]);
    });
  });
});
