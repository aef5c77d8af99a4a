import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { behavesAsTheModel } from '../support/block-commands.ts';
import { isExplained, races, runRace } from '../support/block-races.ts';
import { describeWith, freshName } from '../support/engines.ts';

const clients = 4;
/** A machine with other things to do tries less. */
const maxMs = 12_000;

describeWith('redis', 'the block list in Redis', (url) => {
  let connections: RedisConnection[] = [];
  beforeAll(async () => {
    connections = await Promise.all(Array.from({ length: clients }, () => openRedis({ url })));
  });
  afterAll(() => {
    for (const connection of connections) connection.disconnect();
  });

  const setUp = () => {
    const clock = new ManualClock();
    const startMs = clock.nowMs();
    const namespace = freshName('blocks');
    const nowMs = () => clock.nowMs();
    const lists = connections.map((redis) => new RedisBlockList({ redis, namespace, nowMs }));
    return { lists, play: { startMs, nowMs, wait: (seconds: number) => clock.advance(seconds * 1000) } };
  };

  it('does and answers what a model of it does that was written apart from it', async () => {
    const make = () => {
      const { lists, play } = setUp();
      const [list] = lists;
      if (!list) throw new Error('no connection');
      return { list, play };
    };
    await behavesAsTheModel(make, { numRuns: 25, maxCommands: 30, maxMs });
  });

  it('answers clients that race as if they had come one after the other, and leaves that behind', async () => {
    await fc.assert(
      fc.asyncProperty(races, async (race) => {
        const { lists, play } = setUp();
        expect(isExplained(await runRace(lists, race, play))).toBe(true);
      }),
      { numRuns: 150, interruptAfterTimeLimit: maxMs },
    );
  });
});
