import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { RecordBatch, RecordHandler } from '../../../src/event/event-log.ts';
import { Assignment, type TopicState } from '../../../src/kafka/assignment.ts';
import { RecordingHandler } from '../../support/recording-handler.ts';
import { type RecordingLogger, recordingLogger } from '../../support/recording-logger.ts';

let clock: ManualClock;
let logger: RecordingLogger;
let handler: RecordingHandler;
let state: TopicState;
let calls: string[];

const stateOf = (topicId: string, offset: number | null, [low, high]: readonly [number, number]): TopicState => ({
  topicId,
  committed: new Map([[0, { offset, metadata: '' }]]),
  ranges: new Map([[0, { low, high }]]),
});

beforeEach(() => {
  clock = new ManualClock();
  logger = recordingLogger();
  handler = new RecordingHandler();
  state = stateOf('one', 5, [0, 20]);
  calls = [];
});

const assign = async ({ compacted = false, used = handler as RecordHandler } = {}): Promise<Assignment> => {
  const port = {
    read: async () => state,
    seek: (_: number, offset: number) => calls.push(`seek ${offset}`),
    resume: () => calls.push('resume'),
    pause: () => calls.push('pause'),
  };
  const options = { partitions: [0], handler: used, port, clock, logger, retryPauseMs: 100, compacted };
  const assignment = new Assignment(options, null);
  await assignment.ready;
  return assignment;
};

const batchOf = (offset: number): RecordBatch => ({
  partition: 0,
  records: [{ offset, appendedAtMs: 0, headers: {}, body: Buffer.from(`r${offset}`) }],
  endOffset: 20,
  commit: async () => undefined,
  heartbeat: async () => undefined,
});

const errors = (): string[] => logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message);

describe('an assignment', () => {
  it('begins where the group stands, and asks for no other place', async () => {
    const assignment = await assign();
    expect(await assignment.handle(batchOf(5))).toBe(true);
    expect(calls).toEqual(['resume']);
    expect(assignment.positions.get(0)).toBe(6);
  });

  it('begins where the handler says, but not before the oldest record', async () => {
    const moving: RecordHandler = {
      assigned: async (_partition, _committed, { startAt }) => startAt(2),
      handle: async () => undefined,
      revoked: () => undefined,
    };
    await assign({ used: moving });
    state = stateOf('one', 5, [4, 20]);
    await assign({ used: moving });
    expect(calls).toEqual(['seek 2', 'resume', 'seek 4', 'resume']);
  });

  it('tells of records that are gone, and goes on behind them', async () => {
    const assignment = await assign();
    expect(await assignment.handle(batchOf(9))).toBe(true);
    expect(errors()).toEqual([expect.stringMatching(/no longer holds what was to be read next/)]);
  });

  it('says nothing of offsets that a compacted topic leaves out', async () => {
    const assignment = await assign({ compacted: true });
    expect(await assignment.handle(batchOf(9))).toBe(true);
    expect(errors()).toEqual([]);
  });

  it('is announced anew when the log goes back by itself: the topic may have been made anew', async () => {
    const assignment = await assign();
    await assignment.handle(batchOf(5));
    state = stateOf('two', null, [0, 3]);
    expect(await assignment.handle(batchOf(0))).toBe(false);
    expect(handler.calls).toEqual(['assigned 0', 'handle 0', 'revoked 0', 'assigned 0']);
    expect(calls).toEqual(['resume', 'pause', 'seek 0', 'resume']);
    expect(errors()).toEqual([expect.stringMatching(/begins anew/)]);
    expect(await assignment.handle(batchOf(0))).toBe(true);
    expect(handler.texts(0)).toEqual(['r5', 'r0']);
  });
});
