import { describe, expect, it } from 'vitest';
import type { SpendResult } from '../../../src/limiter/limit-store.ts';
import { type QueuedSpend, SpendQueue } from '../../../src/redis/spend-queue.ts';

const allowed: SpendResult = { allowed: true, answers: [] };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the queue of spends', () => {
  it('sends the spends of one turn together, at most 128 in a call, in their order', async () => {
    const calls: number[] = [];
    const queue = new SpendQueue((spends) => {
      calls.push(spends.length);
      return Promise.resolve(spends.map(() => allowed));
    });
    await Promise.all(Array.from({ length: 300 }, () => queue.add([])));
    expect(calls).toEqual([128, 128, 44]);
  });

  it('lets a spend that comes alone wait for nobody', async () => {
    const calls: number[] = [];
    const queue = new SpendQueue((spends) => {
      calls.push(spends.length);
      return new Promise(() => undefined);
    });
    for (let n = 0; n < 3; n += 1) {
      void queue.add([]);
      await turn();
    }
    expect(calls).toEqual([1, 1, 1]);
  });

  it('fails all spends of a call that failed, and no other', async () => {
    let fails = true;
    const queue = new SpendQueue((spends) => {
      if (fails) return Promise.reject(new Error('gone'));
      return Promise.resolve(spends.map(() => allowed));
    });
    const failed = await Promise.allSettled([queue.add([]), queue.add([])]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    await expect(queue.add([])).resolves.toBe(allowed);
  });

  it('refuses more when 16,384 wait, and takes more once they are answered', async () => {
    let answer: (() => void) | undefined;
    const gathered: QueuedSpend[] = [];
    const queue = new SpendQueue(async (spends) => {
      gathered.push(...spends);
      await new Promise<void>((resolve) => {
        const before = answer;
        answer = () => {
          before?.();
          resolve();
        };
      });
      return spends.map(() => allowed);
    });
    const waiting = Array.from({ length: 16_384 }, () => queue.add([]));
    await turn();
    await expect(queue.add([])).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true });
    answer?.();
    await Promise.all(waiting);
    const next = queue.add([]);
    await turn();
    answer?.();
    await expect(next).resolves.toBe(allowed);
  });
});
