import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/clickhouse/slots.ts';

/** Work that ends when it is told to. */
const work = () => {
  const running: { readonly name: string; readonly end: (error?: Error) => void }[] = [];
  const start = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      running.push({ name, end: (error) => (error ? reject(error) : resolve(name)) });
    });
  return { running, start };
};
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('slots', () => {
  it('let so much run at once, the rest in the order in which it came', async () => {
    const slots = new Slots({ atOnce: 2, waiting: 10 });
    const { running, start } = work();
    const ended = ['a', 'b', 'c', 'd'].map((name) => slots.run(start(name)));
    await settled();
    expect(running.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(slots.stats()).toEqual({ running: 2, waiting: 2, refused: 0 });
    running[1]?.end();
    await settled();
    expect(running.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    for (const each of [0, 2]) running[each]?.end();
    await settled();
    running[3]?.end();
    expect(await Promise.all(ended)).toEqual(['a', 'b', 'c', 'd']);
    expect(slots.stats()).toEqual({ running: 0, waiting: 0, refused: 0 });
  });

  it('turn away what finds the queue full, at once, and take more when there is room again', async () => {
    const slots = new Slots({ atOnce: 1, waiting: 1 });
    const { running, start } = work();
    const [first, second] = [slots.run(start('a')), slots.run(start('b'))];
    await expect(slots.run(start('c'))).rejects.toMatchObject({ code: 'TABLE_BUSY', retryable: true });
    expect(slots.stats().refused).toBe(1);
    running[0]?.end();
    await first;
    const fourth = slots.run(start('d'));
    await settled();
    running[1]?.end();
    await settled();
    running[2]?.end();
    expect(await Promise.all([second, fourth])).toEqual(['b', 'd']);
    expect(running.map(({ name }) => name)).toEqual(['a', 'b', 'd']);
  });

  it('are free again when work fails', async () => {
    const slots = new Slots({ atOnce: 1, waiting: 1 });
    await expect(slots.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await slots.run(() => Promise.resolve(7))).toBe(7);
    expect(slots.stats().running).toBe(0);
  });
});
