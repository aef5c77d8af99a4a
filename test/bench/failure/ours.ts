import { systemClock } from '../../../src/clock.ts';
import { createEmitter } from '../../../src/event/emitter.ts';
import type { FrameWriter } from '../../../src/event/event-log.ts';
import { createGate } from '../../../src/gate/gate.ts';
import { definePolicies } from '../../../src/policy/static-source.ts';
import { openRedis } from '../../../src/redis/client.ts';
import { RedisLimitStore } from '../../../src/redis/limit-store.ts';
import { deadlineMs, gates, limit, type Side, windowSeconds } from './side.ts';

/** A log that only counts. */
const countingWriter = (): FrameWriter => ({
  partitions: 12,
  append: () => Promise.resolve(new Map()),
  close: () => Promise.resolve(),
});

/** Gates as they are set up by default, with their events on. */
export const openOurs = async (url: string): Promise<Side> => {
  const policies = definePolicies([{ name: 'per-client', limit, window: `${windowSeconds}s`, burst: limit }]);
  const opened = await Promise.all(
    Array.from({ length: gates }, async (_, index) => {
      const redis = await openRedis({ url, onMisuse: 'ignore' });
      const store = new RedisLimitStore({ redis, namespace: 'bench' });
      const emitterId = `bench-${index}`;
      const events = createEmitter({ writer: countingWriter(), clock: systemClock, emitterId, region: 'local' });
      const gate = createGate({ policies, store, events, deadlineMs, liveGates: () => gates });
      return { redis, events, gate };
    }),
  );
  return {
    ask: (index, id) => {
      const request = {
        clients: [{ kind: 'key', id }],
        method: 'GET',
        path: '/orders/7',
        route: '/orders/:id',
      } as const;
      const decided = opened[index % gates]?.gate.check(request);
      if (!decided) throw new Error('there is no such gate');
      const answerOf = ({ outcome, degraded }: Awaited<typeof decided>) => ({
        allowed: outcome === 'allowed',
        decider: degraded === null ? ('store' as const) : ('elsewhere' as const),
      });
      return decided instanceof Promise ? decided.then(answerOf) : answerOf(decided);
    },
    settle: async () => {
      await Promise.all(opened.map(({ events }) => events.flush()));
      for (const { events, gate } of opened) {
        const { recorded, sent } = events.stats();
        const { decisions } = gate.stats();
        if (recorded !== decisions || sent !== recorded) throw new Error(`${decisions} decisions, ${sent} events sent`);
      }
    },
    close: async () => {
      await Promise.all(opened.map(({ gate }) => gate.close()));
      for (const { redis } of opened) redis.disconnect();
    },
  };
};
