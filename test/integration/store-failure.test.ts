import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Decision, DegradedReason } from '../../src/decision/decision.ts';
import type { CountersLostKind } from '../../src/limiter/fleet.ts';
import { type OwnEngine, ownEngine } from '../services/engine.ts';
import { openRunFolder, removeFolder } from '../services/folders.ts';
import { ask } from '../services/ports.ts';
import { redisLauncher } from '../services/redis.ts';
import { asOperator } from '../services/redis-control.ts';
import { describeWith } from '../support/engines.ts';
import { kindOf, openStage, type Stage, type StagedGate, tallyOf, withinDeadline } from '../support/failure-stage.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

interface Scene {
  readonly server: OwnEngine;
  readonly proxy: TcpProxy;
}

interface Fault {
  readonly what: string;
  start(scene: Scene): Promise<unknown> | unknown;
  end(scene: Scene): Promise<unknown> | unknown;
  /** What decisions may call it; none: no decision is degraded. */
  readonly reasons: readonly DegradedReason[];
  /** How often the server forgets the counters: each time the client may take a whole burst once more. */
  readonly forgets: number;
  readonly lost: CountersLostKind | null;
  /** Store calls for one probe of the breaker. Default 1. */
  readonly callsPerProbe?: number;
}

/** A server that is frozen so answers no operator either. */
const operate = ({ server }: Scene, ...command: [string, ...(string | number)[]]): Promise<unknown> =>
  asOperator(server.port, (redis) => redis.call(...command));

const away: readonly DegradedReason[] = ['timeout', 'error', 'breaker-open'];
const harmless = { reasons: away, forgets: 0, lost: null } as const;

const faults: readonly Fault[] = [
  {
    what: 'is killed and comes back empty',
    start: ({ server }) => server.kill(),
    end: ({ server }) => server.restart(),
    reasons: away,
    forgets: 1,
    lost: 'flushed',
  },
  {
    ...harmless,
    what: 'sleeps in a command',
    start: async (scene) => {
      void operate(scene, 'DEBUG', 'SLEEP', 3);
      await expect.poll(() => ask(scene.server.port, 'PING\r\n', 100)).toBeNull();
    },
    end: (scene) => operate(scene, 'PING'),
  },
  {
    ...harmless,
    what: 'is frozen',
    start: ({ server }) => server.freeze(),
    end: ({ server }) => server.thaw(),
  },
  {
    ...harmless,
    what: 'is cut off',
    start: ({ proxy }) => proxy.cut('both ways'),
    end: ({ proxy }) => proxy.heal(),
  },
  {
    ...harmless,
    what: 'hears all and is not heard: half a connection',
    start: ({ proxy }) => proxy.cut('answers'),
    end: ({ proxy }) => proxy.heal(),
  },
  {
    ...harmless,
    what: 'is far away: every answer takes longer than the deadline',
    start: ({ proxy }) => proxy.slow(60),
    end: ({ proxy }) => proxy.heal(),
  },
  {
    ...harmless,
    what: 'ends all connections and takes no new ones',
    start: ({ proxy }) => proxy.refuse(),
    end: ({ proxy }) => proxy.heal(),
  },
  {
    ...harmless,
    what: 'has no memory left for writes',
    start: (scene) => operate(scene, 'CONFIG', 'SET', 'maxmemory', 1),
    end: (scene) => operate(scene, 'CONFIG', 'SET', 'maxmemory', 0),
    // A probe that is denied writes nothing, and so succeeds: three more calls fail until the breaker knows better.
    callsPerProbe: 4,
  },
  {
    what: 'is emptied',
    start: (scene) => operate(scene, 'FLUSHALL'),
    end: () => undefined,
    reasons: [],
    forgets: 1,
    lost: 'flushed',
  },
  {
    what: 'forgets its scripts',
    start: (scene) => operate(scene, 'SCRIPT', 'FLUSH'),
    end: () => undefined,
    reasons: [],
    forgets: 0,
    lost: null,
  },
];

const burst = 40;
const perSecond = 1;
const gates = 2;
const policies = [{ name: 'per-client', limit: 60 * perSecond, window: '1m', burst }];
const perRound = 10;

/** Ten requests of one client that pushes, and one of another client each time: its write must not be lost in denials. */
const load = ({ gate }: StagedGate, round: number): (Decision | Promise<Decision>)[] => {
  const ids = Array.from({ length: perRound }, () => 'pushing').concat(`client-${round}`);
  return ids.map((id) =>
    gate.check({ clients: [{ kind: 'key', id }], method: 'GET', path: '/orders/7', route: '/orders/:id' }),
  );
};

/** What one client may get of two gates, at most, while the server counts and while they do by themselves. */
const boundOf = ({ forgets }: Fault, counted: { seconds: number; localSeconds: number }): number => {
  const fromStore = (1 + forgets) * burst + perSecond * counted.seconds;
  const local = Math.ceil(burst / gates) + Math.ceil(perSecond / gates) * counted.localSeconds;
  // Whole units of each counter are rounded up.
  return Math.ceil(fromStore + gates * local) + 1 + gates;
};

/** A healthy server may take its time; a broken one is not waited for. */
const patienceMs = 5_000;
const impatienceMs = 10;

const serverSeconds = async ({ server }: Scene): Promise<number> => {
  const [seconds, micros] = (await asOperator(server.port, (redis) => redis.time())) as unknown as [number, number];
  return Number(seconds) + Number(micros) / 1e6;
};

describeWith('redis', 'gates under load whose Redis', () => {
  let scene: Scene;
  let stage: Stage;
  beforeAll(async () => {
    const folder = openRunFolder('redis-faults');
    const launch = redisLauncher(() => ({ 'enable-debug-command': 'yes' }));
    const remove = () => removeFolder(folder);
    const server = await ownEngine(launch, { folder: join(folder, 'data'), tied: true, remove });
    scene = { server, proxy: await startProxy(server.port) };
  });
  afterEach(() => stage.close());
  afterAll(async () => {
    await scene.proxy.close();
    await scene.server.stop();
  });

  const play = async (fault: Fault) => {
    const decisions: Decision[] = [];
    let round = 0;
    const rounds = async (count: number, serverMs: number): Promise<readonly Decision[]> => {
      const latest: Decision[] = [];
      for (const until = round + count; round < until; round += 1) {
        for (const gate of stage.gates) {
          latest.push(...(await withinDeadline(stage.clock, load(gate, round), serverMs)));
        }
      }
      decisions.push(...latest);
      return latest;
    };
    const startedAt = await serverSeconds(scene);
    const startedMs = stage.clock.nowMs();
    await rounds(10, patienceMs);
    const callsBefore = stage.gates.map(({ storeCalls }) => storeCalls());
    const faultMs = stage.clock.nowMs();
    await fault.start(scene);
    const meanwhile = await rounds(60, fault.reasons.length === 0 ? patienceMs : impatienceMs);
    const calls = stage.gates.map(({ storeCalls }, index) => storeCalls() - (callsBefore[index] ?? 0));
    const faultSeconds = (stage.clock.nowMs() - faultMs) / 1000;
    await fault.end(scene);
    const isBack = async (): Promise<boolean> => {
      stage.clock.advance(200);
      return (await rounds(1, impatienceMs * 10)).every(({ degraded }) => degraded === null);
    };
    await expect.poll(isBack, { timeout: 15_000, interval: 50 }).toBe(true);
    const afterwards = await rounds(10, patienceMs);
    const counted = {
      seconds: (await serverSeconds(scene)) - startedAt,
      localSeconds: (stage.clock.nowMs() - startedMs) / 1000,
    };
    return { decisions, meanwhile, afterwards, calls, faultSeconds, counted };
  };

  describe.each(faults)('$what', (fault) => {
    it('decide every request within the deadline, within the bound, say so, and come back by themselves', async () => {
      const url = `redis://127.0.0.1:${scene.proxy.port}`;
      stage = await openStage({ url, policies, gates });
      const { decisions, meanwhile, afterwards, calls, faultSeconds, counted } = await play(fault);

      const reasons = new Set(meanwhile.flatMap(({ degraded }) => degraded ?? []));
      expect(fault.reasons).toEqual(expect.arrayContaining([...reasons]));
      expect(reasons.size > 0).toBe(fault.reasons.length > 0);
      expect(new Set(afterwards.map(({ degraded }) => degraded))).toEqual(new Set([null]));

      const admitted = decisions.filter(({ client, outcome }) => client.id === 'pushing' && outcome === 'allowed');
      expect(admitted.length).toBeGreaterThanOrEqual(burst);
      expect(admitted.length).toBeLessThanOrEqual(boundOf(fault, counted));

      const tallies = await Promise.all(stage.gates.map(({ eventTally }) => eventTally()));
      const told = tallyOf(
        tallies.flatMap(Object.entries),
        ([kind]) => kind,
        ([, count]) => count,
      );
      expect(told).toEqual(tallyOf(decisions, kindOf, () => 1));

      // Three failures, then a probe every half second at the most: nothing piles up.
      const probes = Math.ceil(2 * faultSeconds);
      const mostCalls = fault.reasons.length > 0 ? 3 + probes * (fault.callsPerProbe ?? 1) : Number.POSITIVE_INFINITY;
      for (const count of calls) expect(count).toBeLessThanOrEqual(mostCalls);
      await expect.poll(() => stage.gates.map((one) => one.commandsInFlight()), { timeout: 15_000 }).toEqual([0, 0]);

      const losses = () => stage.gates.map(({ losses: found }) => [...found]);
      const expected = stage.gates.map(() => (fault.lost === null ? [] : [fault.lost]));
      const beat = () => {
        stage.clock.advance(1_000);
        return losses();
      };
      await expect.poll(beat, { timeout: 15_000 }).toEqual(expected);
    });
  });
});
