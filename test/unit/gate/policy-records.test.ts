import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import { maxFrameBytes, type OutgoingFrame, type TopicOptions, topics } from '../../../src/event/event-log.ts';
import { checkFrame, formatFrameHeaders } from '../../../src/event/frame.ts';
import { PolicyRecords } from '../../../src/gate/policy-records.ts';
import { policiesFrom } from '../../../src/policy/parse.ts';
import type { PolicySet, PolicySource } from '../../../src/policy/policy.ts';

const setOf = (limit: number, count = 1): PolicySet =>
  policiesFrom({
    version: 1,
    policies: Array.from({ length: count }, (_, index) => ({ name: `policy-${index}`, limit, window: '1m' })),
  });

/** A log that can be switched off, and policies that change by hand. */
const setUp = (first = setOf(1)) => {
  const frames: OutgoingFrame[] = [];
  const opened: { topic: string; options: TopicOptions | undefined }[] = [];
  const state = { isAway: false, isClosed: false, tries: 0 };
  let current = first;
  let listener: (next: PolicySet) => void = () => undefined;
  const policies: PolicySource = {
    current: () => current,
    onChange: (listen) => {
      listener = listen;
      return () => undefined;
    },
    close: () => undefined,
  };
  const append = async (batch: readonly OutgoingFrame[]) => {
    state.tries += 1;
    if (state.isAway) throw new TidegateError('LOG_FAILED', 'away', { retryable: true });
    frames.push(...batch);
    return new Map();
  };
  const close = async () => {
    state.isClosed = true;
  };
  const writer = async (topic: string, options?: TopicOptions) => {
    opened.push({ topic, options });
    return { partitions: 4, append, close };
  };
  const clock = new ManualClock();
  const open = () =>
    new PolicyRecords({ policies, log: { writer }, gate: 'gate-1', region: 'eu', service: 'orders', clock });
  const load = (set: PolicySet) => {
    current = set;
    listener(set);
  };
  const said = () => frames.map(({ body }) => JSON.parse(body.toString('utf8')) as Record<string, unknown>);
  return { frames, opened, state, clock, open, load, said };
};

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

describe('records of loaded policies', () => {
  it('say who loaded which policies, once at the start and once for every change', async () => {
    const { open, opened, clock, load, said, frames } = setUp();
    const records = open();
    await settle();
    clock.advance(5_000);
    load(setOf(2));
    await settle();
    expect(opened).toEqual([{ topic: topics.policies, options: { compacted: true } }]);
    expect(said()).toEqual([
      {
        time: clock.nowMs() - 5_000,
        emitter: 'gate-1',
        partition: frames[0]?.partition,
        seq: 1,
        gate: 'gate-1',
        region: 'eu',
        service: 'orders',
        version: setOf(1).version,
        policy_count: 1,
        policies: JSON.stringify(setOf(1).policies),
      },
      expect.objectContaining({ version: setOf(2).version, time: clock.nowMs() }),
    ]);
    expect(frames.map(({ key }) => key)).toEqual([setOf(1).version, setOf(2).version]);
    expect(records.stats()).toEqual({ written: 2, dropped: 0, waiting: 0 });
  });

  it('are whole frames: one row, its checksum, numbered', async () => {
    const { open, frames } = setUp();
    open();
    await settle();
    const headers = frames.map(({ headers: each, body }) => checkFrame({ headers: formatFrameHeaders(each), body }));
    expect(headers).toMatchObject([{ emitter: 'gate-1', firstSeq: 1, rows: 1 }]);
    expect(frames[0]?.body.toString('utf8').split('\n')).toHaveLength(2);
  });

  it('are numbered without a gap in each partition', async () => {
    const { open, load, frames } = setUp();
    open();
    for (let limit = 2; limit < 10; limit += 1) {
      load(setOf(limit));
      await settle();
    }
    const seen = new Map<number, number>();
    for (const { partition, headers } of frames) {
      expect(headers).toMatchObject({ firstSeq: (seen.get(partition) ?? 0) + 1, total: headers.firstSeq });
      seen.set(partition, headers.firstSeq);
    }
    expect(frames).toHaveLength(9);
  });

  it('wait for a log that is away, and are given up after nine tries', async () => {
    const { open, state, clock, said } = setUp();
    state.isAway = true;
    const records = open();
    await settle();
    clock.advance(1_000);
    await settle();
    state.isAway = false;
    clock.advance(2_000);
    await settle();
    expect(said()).toHaveLength(1);
    expect(state.tries).toBe(3);

    const other = setUp();
    other.state.isAway = true;
    const lost = other.open();
    for (let minute = 0; minute < 20; minute += 1) {
      await settle();
      other.clock.advance(60_000);
    }
    await settle();
    expect(other.state.tries).toBe(9);
    expect(lost.stats()).toEqual({ written: 0, dropped: 1, waiting: 0 });
    expect(records.stats()).toEqual({ written: 1, dropped: 0, waiting: 0 });
  });

  it('do not pile up: the oldest goes when too many wait', async () => {
    const { open, state, load } = setUp();
    state.isAway = true;
    const records = open();
    for (let limit = 2; limit < 40; limit += 1) load(setOf(limit));
    expect(records.stats()).toEqual({ written: 0, dropped: 23, waiting: 16 });
  });

  it('leave the policies out when they do not fit one record', async () => {
    const { open, frames, said } = setUp(setOf(1, 10_000));
    open();
    await settle();
    expect(said()).toMatchObject([{ policy_count: 10_000, policies: '' }]);
    expect(frames[0]?.body.length).toBeLessThan(maxFrameBytes);
  });

  it('let a process end although the log is away', async () => {
    const { open, state } = setUp();
    state.isAway = true;
    const records = open();
    await settle();
    await records.close();
    expect(state.isClosed).toBe(true);
    expect(records.stats()).toEqual({ written: 0, dropped: 1, waiting: 0 });
  });
});
