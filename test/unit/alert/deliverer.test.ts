import { describe, expect, it } from 'vitest';
import { Deliverer } from '../../../src/alert/deliverer.ts';
import { type Endpoint, queueOf, secretFrom } from '../../../src/alert/endpoint.ts';
import { backOffMs, triedForMs } from '../../../src/alert/endpoint-pump.ts';
import { messageIdOf, type Notice, type NoticeKind, noticeKinds } from '../../../src/alert/notice.ts';
import type { Outbox } from '../../../src/alert/outbox.ts';
import type { PostRequest, PostResult } from '../../../src/alert/post.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryOutbox } from '../../../src/embedded/memory-outbox.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const secret = secretFrom(`whsec_${Buffer.alloc(32, 7).toString('base64')}`) ?? Buffer.alloc(0);
const ok: PostResult = { kind: 'answered', status: 204, retryAfterMs: null };
const answered = (status: number, retryAfterMs: number | null = null): PostResult => ({
  kind: 'answered',
  status,
  retryAfterMs,
});

const endpointOf = (name: string, more: Partial<Endpoint> = {}): Endpoint => ({
  name,
  url: new URL(`https://${name}.example.com/hook`),
  secrets: [secret],
  events: noticeKinds,
  tenants: null,
  allowPrivate: false,
  ...more,
});

interface Stage {
  readonly endpoints?: readonly Endpoint[];
  readonly outbox?: Outbox;
  readonly clock?: ManualClock;
  readonly holder?: string;
}

const stage = ({ endpoints = [endpointOf('one')], clock = new ManualClock(), holder = 'a', ...given }: Stage = {}) => {
  const outbox = given.outbox ?? new MemoryOutbox({ clock });
  const logger = recordingLogger();
  const posts: PostRequest[] = [];
  let answer: (request: PostRequest) => PostResult | Promise<PostResult> = () => ok;
  const post = async (request: PostRequest): Promise<PostResult> => {
    posts.push(request);
    return answer(request);
  };
  let looks = 0;
  const look = async () => {
    looks += 1;
  };
  const deliverer = new Deliverer({ outbox, endpoints, post, clock, random: () => 0.5, logger, holder, look });
  const put = (id: string, kind: NoticeKind = 'block.proposed', data: Notice['data'] = {}) =>
    outbox.put([{ kind, id, at: new Date(clock.nowMs()).toISOString(), data }]);
  /** As the timer does, until all that is due has been tried. */
  const turn = async (afterMs = 0): Promise<number> => {
    clock.advance(afterMs);
    const before = posts.length;
    await deliverer.turn();
    await deliverer.idle();
    return posts.length - before;
  };
  const answering = (next: typeof answer): void => {
    answer = next;
  };
  const idsOf = () => posts.map(({ headers }) => headers['webhook-id']);
  return { looksOf: () => looks, clock, outbox, deliverer, posts, put, turn, answering, logger, idsOf };
};

describe('what is delivered', () => {
  it('goes once to each endpoint that wants it: by event, and by tenant', async () => {
    const endpoints = [
      endpointOf('all'),
      endpointOf('breakers', { events: ['breaker.opened'] }),
      endpointOf('acme', { tenants: ['acme'] }),
    ];
    const { put, turn, posts } = stage({ endpoints });
    await put('1', 'block.proposed', { tenant: 'acme' });
    await put('2', 'block.proposed', { tenant: 'umbrella' });
    await put('3', 'breaker.opened');
    await turn();
    const told = posts.map(({ url, headers }) => `${url.hostname.split('.')[0]} ${headers['webhook-id']}`).sort();
    expect(told).toEqual(
      [
        `acme ${messageIdOf('1')}`,
        ...['1', '2', '3'].map((id) => `all ${messageIdOf(id)}`),
        `breakers ${messageIdOf('3')}`,
      ].sort(),
    );
    expect(await turn(60_000)).toBe(0);
  });

  it('is tried again after 5 s, 10 s, 20 s …, with the same id and bytes and a new signature, until it is taken', async () => {
    const { put, turn, posts, answering, clock, deliverer } = stage();
    await put('1');
    answering(() => answered(500));
    await turn();
    const gaps: number[] = [];
    let lastMs = clock.nowMs();
    while (gaps.length < 4) {
      if ((await turn(1000)) === 0) continue;
      gaps.push(Math.round((clock.nowMs() - lastMs) / 1000));
      lastMs = clock.nowMs();
    }
    expect(gaps).toEqual([5, 10, 20, 40]);
    answering(() => ok);
    await turn(80_000);
    expect(new Set(posts.map(({ body }) => body)).size).toBe(1);
    expect(new Set(posts.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([messageIdOf('1')]));
    expect(new Set(posts.map(({ headers }) => headers['webhook-signature'])).size).toBe(posts.length);
    expect(deliverer.stats()).toMatchObject({ delivered: 1, failures: 5, givenUp: 0 });
    expect(await turn(86_400_000)).toBe(0);
  });

  it.each([
    [{ kind: 'failed', why: 'refused' } as const],
    [answered(301)],
    [answered(400)],
    [answered(404)],
    [answered(429)],
    [answered(199)],
  ])('is tried again after %j', async (result) => {
    const { put, turn, answering } = stage();
    await put('1');
    answering(() => result);
    expect(await turn()).toBe(1);
    answering(() => ok);
    expect(await turn(5000)).toBe(1);
    expect(await turn(100_000)).toBe(0);
  });

  it('waits as long as the endpoint asks for, and no longer than an hour', async () => {
    const { put, turn, answering } = stage();
    await put('1');
    answering(() => answered(503, 120_000));
    await turn();
    expect(await turn(119_000)).toBe(0);
    answering(() => answered(503, 86_400_000));
    expect(await turn(1000)).toBe(1);
    expect(await turn(3_599_000)).toBe(0);
    expect(await turn(1000)).toBe(1);
  });

  it('is given up after a day, counted, and told to the log', async () => {
    const { put, turn, answering, deliverer, logger, outbox } = stage();
    await put('1');
    answering(() => answered(500));
    for (let at = 0; at <= triedForMs + 2 * 7_200_000; at += 600_000) await turn(600_000);
    expect(deliverer.stats()).toMatchObject({ delivered: 0, givenUp: 1, waiting: 0 });
    expect(deliverer.stats().failures).toBeLessThan(30);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(await outbox.figures()).toEqual({ waiting: 0, dropped: 0 });
  });

  it('waits longer with each failure, spread, and at most two hours and a half', () => {
    expect(backOffMs(0, 0)).toBe(3750);
    expect(backOffMs(0, 1)).toBe(6250);
    for (let failures = 0; failures < 2000; failures += 1) {
      expect(backOffMs(failures, 0.999)).toBeLessThanOrEqual(9_000_000);
      expect(backOffMs(failures + 1, 0.5)).toBeGreaterThanOrEqual(backOffMs(failures, 0.5));
    }
  });
});

describe('an endpoint', () => {
  it('that fails is left alone for a moment, and stands in the way of no other', async () => {
    const { put, turn, answering, posts } = stage({ endpoints: [endpointOf('bad'), endpointOf('good')] });
    for (const id of ['1', '2', '3']) await put(id);
    answering(({ url }) => (url.hostname.startsWith('bad') ? answered(500) : ok));
    await turn();
    expect(posts.filter(({ url }) => url.hostname.startsWith('good'))).toHaveLength(3);
    expect(posts.filter(({ url }) => url.hostname.startsWith('bad'))).toHaveLength(1);
  });

  it('that hangs holds up nobody else', async () => {
    const { put, deliverer, answering, posts } = stage({ endpoints: [endpointOf('slow'), endpointOf('good')] });
    let release: (result: PostResult) => void = () => undefined;
    answering(({ url }) => (url.hostname.startsWith('slow') ? new Promise((done) => (release = done)) : ok));
    await put('1');
    await deliverer.turn();
    await put('2');
    await deliverer.turn();
    await expect.poll(() => posts.filter(({ url }) => url.hostname.startsWith('good')).length).toBe(2);
    expect(posts.filter(({ url }) => url.hostname.startsWith('slow'))).toHaveLength(1);
    release(ok);
    await deliverer.idle();
  });

  it('that answers 410 is told nothing more until somebody enables it', async () => {
    const { put, turn, answering, outbox, deliverer } = stage();
    await put('1');
    answering(() => answered(410));
    await turn();
    await put('2');
    expect(await turn(100_000)).toBe(0);
    expect(deliverer.stats().disabled).toBe(1);
    await outbox.enable(queueOf(endpointOf('one')));
    answering(() => ok);
    await put('3');
    expect(await turn(100_000)).toBe(2);
  });
});

describe('several processes', () => {
  it('deliver each notice once: one of them leads, and the next one takes over when it is gone', async () => {
    const clock = new ManualClock();
    const outbox = new MemoryOutbox({ clock });
    const [first, second] = [stage({ clock, outbox }), stage({ clock, outbox, holder: 'b' })];
    for (let n = 0; n < 20; n += 1) await first.put(`n${n}`);
    await Promise.all([first.turn(), second.turn()]);
    expect([first.posts.length, second.posts.length]).toEqual([20, 0]);
    expect([first.looksOf(), second.looksOf()]).toEqual([1, 0]);
    await second.put('last');
    expect(await second.turn(14_999)).toBe(0);
    expect(await second.turn(1)).toBe(1);
    expect(await first.turn()).toBe(0);
    expect(first.deliverer.stats().isLeader).toBe(false);
  });

  it('deliver again, under the same id, what one delivered and could not note before it died', async () => {
    const clock = new ManualClock();
    const outbox = new MemoryOutbox({ clock });
    const dying = Object.assign(Object.create(outbox) as MemoryOutbox, {
      lead: outbox.lead.bind(outbox),
      disabled: outbox.disabled.bind(outbox),
      inbox: outbox.inbox.bind(outbox),
      handOut: outbox.handOut.bind(outbox),
      figures: outbox.figures.bind(outbox),
      due: outbox.due.bind(outbox),
      remove: () => Promise.reject(new Error('killed')),
    });
    const [first, second] = [stage({ clock, outbox: dying }), stage({ clock, outbox, holder: 'b' })];
    await second.put('1');
    await first.turn();
    expect(await second.turn(15_000)).toBe(1);
    expect(second.idsOf()).toEqual(first.idsOf());
    expect(await second.turn(100_000)).toBe(0);
  });

  it('end what is under way when they stop, and leave it to the next', async () => {
    const { put, deliverer, answering, outbox, clock } = stage();
    let signal: AbortSignal | undefined;
    answering((request) => {
      signal = request.signal;
      return new Promise((done) => signal?.addEventListener('abort', () => done({ kind: 'failed', why: 'aborted' })));
    });
    await put('1');
    deliverer.start();
    await expect.poll(() => signal !== undefined).toBe(true);
    const stopped = deliverer.stop();
    clock.advance(2000);
    await stopped;
    expect(await outbox.due(queueOf(endpointOf('one')), 10)).toMatchObject([{ failures: 0 }]);
  });

  it('go on when the outbox was away', async () => {
    const { put, turn, outbox, deliverer, clock, posts, logger } = stage();
    const { lead } = outbox;
    outbox.lead = () => Promise.reject(new Error('away'));
    deliverer.start();
    await expect.poll(() => logger.lines.length).toBe(1);
    outbox.lead = lead;
    await put('1');
    clock.advance(1000);
    await expect.poll(() => posts.length).toBe(1);
    await deliverer.stop();
    expect(await turn()).toBe(0);
  });

  it('say once that the outbox is away, however often they try, and once that it is back', async () => {
    const { outbox, deliverer, clock, logger } = stage();
    const { lead } = outbox;
    let tries = 0;
    outbox.lead = () => {
      tries += 1;
      return Promise.reject(new Error('away'));
    };
    deliverer.start();
    const later = <Value>(of: () => Value) =>
      expect.poll(
        () => {
          clock.advance(1000);
          return of();
        },
        { interval: 1, timeout: 10_000 },
      );
    await later(() => tries).toBeGreaterThan(60);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    outbox.lead = lead;
    await later(() => logger.lines.filter(({ message }) => message.includes('is back'))).toHaveLength(1);
    await deliverer.stop();
  });
});
