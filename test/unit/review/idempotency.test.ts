import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryReviewRecords } from '../../../src/embedded/memory-review-records.ts';
import { KeptAnswers } from '../../../src/review/idempotency.ts';

const answer = { status: 200, headers: { etag: '"2"' }, body: '{"a":1}' };

const answersUnderTest = () => {
  const clock = new ManualClock();
  return { clock, answers: new KeptAnswers({ records: new MemoryReviewRecords({ clock }), clock }) };
};

describe('answers that are kept', () => {
  it('are given again for the same request, for a day', async () => {
    const { clock, answers } = answersUnderTest();
    expect(await answers.begin('k', 'one')).toBe('started');
    await answers.finish('k', answer);
    expect(await answers.begin('k', 'one')).toEqual({ replay: answer });
    expect(await answers.begin('other', 'one')).toBe('started');
    clock.advance(86_400_000);
    expect(await answers.begin('k', 'two')).toBe('started');
  });

  it('are not given for another request with the same key, done or not', async () => {
    const { answers } = answersUnderTest();
    await answers.begin('k', 'one');
    expect(await answers.begin('k', 'two')).toBe('mismatch');
    await answers.finish('k', answer);
    expect(await answers.begin('k', 'two')).toBe('mismatch');
  });

  it('let one of many that come at the same time begin', async () => {
    const { answers } = answersUnderTest();
    const begun = await Promise.all(Array.from({ length: 10 }, () => answers.begin('k', 'one')));
    expect(begun.filter((beginning) => beginning === 'started')).toHaveLength(1);
    expect(begun.filter((beginning) => beginning === 'running')).toHaveLength(9);
  });

  it('that failed leave the key free, and so does a process that is gone', async () => {
    const { clock, answers } = answersUnderTest();
    await answers.begin('k', 'one');
    await answers.abandon('k');
    expect(await answers.begin('k', 'one')).toBe('started');
    clock.advance(119_999);
    expect(await answers.begin('k', 'one')).toBe('running');
    clock.advance(1);
    expect(await answers.begin('k', 'one')).toBe('started');
    await answers.finish('k', answer);
    await answers.abandon('k');
    expect(await answers.begin('k', 'one')).toEqual({ replay: answer });
  });

  it('are kept without their body when that is long', async () => {
    const { answers } = answersUnderTest();
    await answers.begin('k', 'one');
    await answers.finish('k', { ...answer, body: 'x'.repeat(128 * 1024 + 1) });
    expect(await answers.begin('k', 'one')).toEqual({ replay: { ...answer, body: null } });
  });
});
