import { describe, expect, it } from 'vitest';
import { createHealth, sharing } from '../../../src/cli/health.ts';
import { redact } from '../../../src/cli/redact.ts';
import { ManualClock } from '../../../src/clock.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the health of a process', () => {
  it('says of each dependency how it is, without passwords', async () => {
    const clock = new ManualClock();
    const health = createHealth({
      clock,
      redact,
      phase: () => 'running',
      looks: [
        { name: 'log', required: true, look: () => Promise.resolve('12 partitions') },
        { name: 'database', required: false, look: () => Promise.reject(new Error('http://u:hunter22@db is away')) },
      ],
    });
    expect(await health.dependencies()).toEqual([
      { name: 'log', required: true, ready: true, detail: '12 partitions' },
      { name: 'database', required: false, ready: false, detail: 'http://u:***@db is away' },
    ]);
  });

  it('waits two seconds for an engine that does not answer, not longer', async () => {
    const clock = new ManualClock();
    const looks = [{ name: 'log', required: true, look: () => new Promise<string>(() => undefined) }];
    const answer = createHealth({ clock, redact, phase: () => 'running', looks }).dependencies();
    clock.advance(2000);
    expect((await answer)[0]).toMatchObject({ ready: false, detail: 'no answer within 2000 ms' });
  });

  it('asks the engines once a second at most, however many probe', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const ask = sharing(clock, async () => {
      asked += 1;
      return asked;
    });
    await Promise.all([ask(), ask(), ask()]);
    clock.advance(999);
    await ask();
    expect(asked).toBe(1);
    clock.advance(1);
    await settle();
    expect(await ask()).toBe(2);
  });
});
