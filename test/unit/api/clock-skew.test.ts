import { describe, expect, it } from 'vitest';
import { type Clock, ManualClock } from '../../../src/clock.ts';
import { asAdmin, fullApi } from '../../support/full-api.ts';

const hourMs = 3_600_000;

/** A clock that somebody sets wrong, and right again. */
const movable = () => {
  const inner = new ManualClock();
  let offsetMs = 0;
  const clock: Clock = {
    nowMs: () => inner.nowMs() + offsetMs,
    monotonicUs: () => inner.monotonicUs(),
    schedule: (delayMs, task) => inner.schedule(delayMs, task),
    sleep: (delayMs) => inner.sleep(delayMs),
  };
  const shift = (byMs: number): void => {
    offsetMs += byMs;
  };
  return { clock, shift };
};

describe('a server whose clock is set back', () => {
  it.each([-hourMs, -400 * 24 * hourMs, 400 * 24 * hourMs])(
    'by %i ms answers as before, and nothing goes back',
    async (byMs) => {
      const { clock, shift } = movable();
      const { api, block, issue } = await fullApi({ clock });
      const token = await issue('reviewer');
      const id = await block('203.0.113.9');
      const until = new Date(clock.nowMs() + hourMs).toISOString();
      const allow = { method: 'POST' as const, url: '/v1/allow', headers: { ...asAdmin, 'idempotency-key': 'k' } };
      const payload = { subject: 'user:bob', until, note: 'n' };
      expect((await api.inject({ ...allow, payload })).statusCode).toBe(201);
      const before = (await api.inject({ url: '/v1/events', headers: asAdmin })).json();
      shift(byMs);
      for (const url of [
        '/v1/blocks',
        `/v1/blocks/${id}`,
        '/v1/rules',
        '/v1/allow',
        '/v1/list/snapshot',
        '/v1/breakers',
      ]) {
        const answer = await api.inject({ url, headers: asAdmin });
        expect(answer.statusCode, url).toBe(200);
        expect(answer.payload, url).not.toMatch(/"\w+Ms":-/);
      }
      const after = (await api.inject({ url: '/v1/events', headers: asAdmin })).json();
      expect(after).toEqual(before);
      const [again, other] = [
        await api.inject({ ...allow, payload }),
        await api.inject({ ...allow, payload: { ...payload, note: 'm' } }),
      ];
      if (byMs < 0)
        expect([again.statusCode, again.headers['idempotent-replayed'], other.statusCode]).toEqual([201, 'true', 422]);
      // A token lives by the same clock: set back it lasts longer, set forward it has ended, and nobody is let in by mistake.
      const { statusCode } = await api.inject({ url: '/v1/blocks', headers: { authorization: `Bearer ${token}` } });
      expect(statusCode).toBe(byMs < 0 ? 200 : 401);
    },
  );
});
