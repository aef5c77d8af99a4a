import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type LifetimeOptions, type Service, untilStopped } from '../../../src/cli/lifetime.ts';
import { ManualClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/logger.ts';

const stopping = (service: Partial<Service>, options: Partial<LifetimeOptions> = {}) => {
  const clock = new ManualClock();
  const signals = new EventEmitter();
  const exits: number[] = [];
  const done = untilStopped(
    { drain: () => undefined, stages: [], leftBehind: () => null, ...service },
    { clock, logger: silentLogger, timeoutMs: 1000, signals, exitNow: (code) => void exits.push(code), ...options },
  );
  return { clock, signals, exits, done };
};

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the end of a process', () => {
  it('drains first, then runs the stages in order, and is complete', async () => {
    const seen: string[] = [];
    const stage = (name: string) => ({ name, run: async () => void seen.push(name) });
    const { signals, done } = stopping({
      drain: () => void seen.push('drain'),
      stages: [stage('requests'), stage('events')],
    });
    signals.emit('SIGTERM');
    expect(await done).toBe(true);
    expect(seen).toEqual(['drain', 'requests', 'events']);
  });

  it('goes on after a stage that fails, and is not complete', async () => {
    const seen: string[] = [];
    const { signals, done } = stopping({
      stages: [
        { name: 'a', run: () => Promise.reject(new Error('broken')) },
        { name: 'b', run: async () => void seen.push('b') },
      ],
    });
    signals.emit('SIGINT');
    expect(await done).toBe(false);
    expect(seen).toEqual(['b']);
  });

  it('takes no longer than it may, and says what was left behind', async () => {
    const errors: object[] = [];
    const logger = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
    const forever = { name: 'events', run: () => new Promise<void>(() => undefined) };
    const { clock, signals, done } = stopping({ stages: [forever], leftBehind: () => '7 decisions' }, { logger });
    signals.emit('SIGTERM');
    await settle();
    clock.advance(999);
    await settle();
    expect(errors).toEqual([]);
    clock.advance(1);
    expect(await done).toBe(false);
    expect(errors).toEqual([expect.objectContaining({ leftBehind: '7 decisions' })]);
  });

  it('comes at once with the second signal, whichever it is', async () => {
    const forever = { name: 'events', run: () => new Promise<void>(() => undefined) };
    const { clock, signals, exits, done } = stopping({ stages: [forever] });
    signals.emit('SIGTERM');
    await settle();
    expect(exits).toEqual([]);
    signals.emit('SIGINT');
    expect(exits).toEqual([1]);
    clock.advance(1000);
    await done;
  });

  it('leaves no listener behind', async () => {
    const { signals, done } = stopping({});
    signals.emit('SIGTERM');
    await done;
    expect(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT')).toBe(0);
  });
});
