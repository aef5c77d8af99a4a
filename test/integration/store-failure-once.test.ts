import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Decision } from '../../src/decision/decision.ts';
import { keyPrefix, limitKey } from '../../src/redis/keys.ts';
import { asOperator } from '../services/redis-control.ts';
import { describeWith, type OwnEngine, startRedis } from '../support/engines.ts';
import { kindOf, openStage, type Stage, withinDeadline } from '../support/failure-stage.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** Units never come back within a test: what the server has counted is what it was asked, to the unit. */
const policies = [{ name: 'window', limit: 1_000_000, window: '30d', algorithm: 'fixed-window' }] as const;
const perCall = 7;
const calls = 6;

interface Silence {
  readonly what: string;
  start(proxy: TcpProxy, server: OwnEngine): void;
  end(proxy: TcpProxy, server: OwnEngine): void;
}

const silences: readonly Silence[] = [
  { what: 'its answers are lost on the way', start: (proxy) => proxy.cut('answers'), end: (proxy) => proxy.heal() },
  { what: 'what it is asked arrives late', start: (proxy) => proxy.cut('both ways'), end: (proxy) => proxy.heal() },
  { what: 'it reads later what it is asked', start: (_, server) => server.freeze(), end: (_, server) => server.thaw() },
  { what: 'the way is too long', start: (proxy) => proxy.slow(50), end: (proxy) => proxy.heal() },
];

describeWith('redis', 'a spend that was given up at its deadline', () => {
  let server: OwnEngine;
  let proxy: TcpProxy;
  let stage: Stage;
  beforeAll(async () => {
    server = await startRedis();
    proxy = await startProxy(server.port);
  });
  afterEach(() => stage.close());
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });

  /** What the server has counted for the client, asked as its operator. */
  const counted = (): Promise<number> => {
    const key = limitKey(keyPrefix(stage.namespace), { policy: 'window', client: 'key:ann' }, 'fixed-window');
    return asOperator(server.port, async (redis) => Number((await redis.get(key))?.split(' ')[1] ?? 0));
  };
  const decisions: Decision[] = [];
  const ask = async (serverMs: number): Promise<readonly Decision[]> => {
    const asked = stage.gates.flatMap(({ gate }) =>
      Array.from({ length: perCall }, () =>
        gate.check({ clients: [{ kind: 'key', id: 'ann' }], method: 'GET', path: '/' }),
      ),
    );
    const latest = await withinDeadline(stage.clock, asked, serverMs);
    decisions.push(...latest);
    return latest;
  };
  const countOf = (...kinds: readonly string[]): number =>
    decisions.filter((decision) => kinds.includes(kindOf(decision))).length;

  describe.each(silences)('because $what', ({ start, end }) => {
    it('counts once, though nobody waits for it any more, and is not sent again', async () => {
      decisions.length = 0;
      stage = await openStage({ url: `redis://127.0.0.1:${proxy.port}`, policies });
      await ask(5_000);
      expect(await counted()).toBe(perCall);
      start(proxy, server);
      for (let call = 0; call < calls; call += 1) {
        // Three failures never fall within one second: every call is sent.
        stage.clock.advance(2_000);
        await ask(5);
      }
      expect(countOf('fallback/timeout')).toBeGreaterThanOrEqual(perCall);
      end(proxy, server);
      const isBack = async () => {
        stage.clock.advance(1_500);
        return (await ask(300)).every(({ source }) => source === 'store');
      };
      await expect.poll(isBack, { timeout: 20_000, interval: 50 }).toBe(true);
      // What timed out was sent, and arrives in the end; what failed at once may have been sent or not.
      await expect.poll(counted).toBeGreaterThanOrEqual(countOf('store', 'fallback/timeout'));
      expect(await counted()).toBeLessThanOrEqual(decisions.length);
      const before = await counted();
      await ask(5_000);
      expect(await counted()).toBe(before + perCall);
    });
  });
});
