import { describe, expect, it } from 'vitest';
import { Problem, Unreachable } from '../../../src/console/app/problem.ts';
import { createResource } from '../../../src/console/app/resource.ts';

interface Timer {
  readonly ms: number;
  readonly run: () => void;
}

/** A resource whose time stands still, and whose answers are given by hand. */
const underTest = (everyMs = 5000) => {
  const timers: Timer[] = [];
  const questions: {
    readonly answer: (body: string) => void;
    readonly fail: (error: Error) => void;
    readonly signal: AbortSignal;
  }[] = [];
  const clock = { nowMs: 1000, isHidden: false };
  const resource = createResource<string>({
    ask: (signal) =>
      new Promise((resolve, reject) => {
        questions.push({ answer: (body) => resolve({ body, etag: '"1"' }), fail: reject, signal });
      }),
    everyMs,
    nowMs: () => clock.nowMs,
    isHidden: () => clock.isHidden,
    after: (ms, run) => {
      const timer = { ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0);
    },
  });
  const settled = async (act: () => void): Promise<void> => {
    act();
    for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
  };
  const answer = (body: string) => settled(() => questions.at(-1)?.answer(body));
  const fail = (error: Error) => settled(() => questions.at(-1)?.fail(error));
  const fire = () => timers.shift()?.run();
  return { resource, timers, questions, clock, answer, fail, fire };
};

describe('what a page knows of an address of the API', () => {
  it('is asked for when somebody looks, and again after the pause', async () => {
    const { resource, timers, questions, answer, fire } = underTest();
    expect(questions).toHaveLength(0);
    resource.watch();
    expect(resource.known.value).toMatchObject({ data: null, askedAtMs: 1000 });
    await answer('first');
    expect(resource.known.value).toMatchObject({ data: 'first', etag: '"1"', loadedAtMs: 1000, askedAtMs: null });
    expect(timers.map(({ ms }) => ms)).toEqual([5000]);
    fire();
    expect(questions).toHaveLength(2);
  });

  it('keeps what it has while the API is silent, asks more rarely, and recovers by itself', async () => {
    const { resource, timers, answer, fail, fire } = underTest();
    resource.watch();
    await answer('first');
    fire();
    await fail(new Unreachable(new Error('gone')));
    expect(resource.known.value).toMatchObject({ data: 'first', loadedAtMs: 1000 });
    expect(resource.known.value.failure).toBeInstanceOf(Unreachable);
    const first = timers[0]?.ms ?? 0;
    fire();
    await fail(new Unreachable(new Error('gone')));
    expect(timers[0]?.ms).toBeGreaterThan(first);
    fire();
    await answer('second');
    expect(resource.known.value).toMatchObject({ data: 'second', failure: null });
    expect(timers[0]?.ms).toBe(5000);
  });

  it('never waits longer than half a minute', async () => {
    const { resource, timers, fail, fire } = underTest();
    resource.watch();
    for (let turn = 0; turn < 12; turn += 1) {
      await fail(new Unreachable(new Error('gone')));
      expect(timers[0]?.ms).toBeLessThanOrEqual(30_000);
      fire();
    }
  });

  it('asks nothing while the page is hidden, until it is told to', async () => {
    const { resource, questions, clock, answer, fire } = underTest();
    resource.watch();
    await answer('first');
    clock.isHidden = true;
    fire();
    expect(questions).toHaveLength(1);
    resource.refresh();
    expect(questions).toHaveLength(2);
  });

  it('rests when nobody looks any more, and drops the answer that was on its way', async () => {
    const { resource, timers, questions, answer } = underTest();
    const leave = resource.watch();
    const leaveToo = resource.watch();
    leave();
    leave();
    expect(questions[0]?.signal.aborted).toBe(false);
    leaveToo();
    expect(questions[0]?.signal.aborted).toBe(true);
    await answer('late');
    expect(resource.known.value.data).toBeNull();
    expect(timers).toHaveLength(0);
    resource.refresh();
    expect(questions).toHaveLength(1);
  });

  it('has one question under way at a time', () => {
    const { resource, questions } = underTest();
    resource.watch();
    resource.refresh();
    resource.refresh();
    expect(questions).toHaveLength(1);
  });

  it('asks rarely for what the API refuses', async () => {
    const { resource, timers, fail } = underTest(1000);
    resource.watch();
    await fail(new Problem(403, { detail: 'not yours' }));
    expect(timers[0]?.ms).toBe(30_000);
  });

  it('asks once where there is no pause', async () => {
    const { resource, timers, answer } = underTest(0);
    resource.watch();
    await answer('once');
    expect(timers).toHaveLength(0);
  });
});
