import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { MemoryReviewRecords } from '../../src/embedded/memory-review-records.ts';
import { MemoryTokenStore } from '../../src/embedded/memory-token-store.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisReviewRecords } from '../../src/redis/review-records.ts';
import { RedisTokenStore } from '../../src/redis/token-store.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { asAdmin, type FullApi, type FullApiParts, fullApi } from '../support/full-api.ts';

const clock = systemClock;
const inAnHour = (): string => new Date(clock.nowMs() + 3_600_000).toISOString();

let keys = 0;
const newKey = (): string => {
  keys += 1;
  return `key-${keys}`;
};

interface Change {
  readonly method?: 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly key?: string;
  readonly payload?: object;
  readonly token?: string;
  readonly ifMatch?: string;
}

const change = ({ api }: FullApi, { method = 'POST', url, key, payload, token, ifMatch }: Change) =>
  api.inject({
    method,
    url,
    headers: {
      ...(token === undefined ? asAdmin : { authorization: `Bearer ${token}` }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    },
    ...(payload === undefined ? {} : { payload }),
  });

/** Two processes of one API over one store. */
const suite = (open: () => Promise<FullApiParts>): void => {
  let first: FullApi;
  let second: FullApi;
  beforeAll(async () => {
    const parts = await open();
    first = await fullApi(parts);
    second = await fullApi(parts);
  });
  afterAll(async () => {
    await first.close();
    await second.close();
  });

  it('gives the same answer to the same request, in the other process too, and does it once', async () => {
    const id = await first.block('203.0.113.20');
    const wish = { url: `/v1/blocks/${id}/extend`, key: newKey(), payload: { until: inAnHour(), note: 'stay' } };
    const done = await change(first, wish);
    expect(done.statusCode).toBe(200);
    expect(done.headers['idempotent-replayed']).toBeUndefined();
    for (const process of [first, second]) {
      const again = await change(process, wish);
      expect(again.headers['idempotent-replayed']).toBe('true');
      expect([again.statusCode, again.payload, again.headers.etag]).toEqual([200, done.payload, done.headers.etag]);
      expect(again.headers['content-type']).toBe(done.headers['content-type']);
    }
    expect((await first.blockList.get(id))?.version).toBe(done.json().version);
  });

  it('does it once however many ask at the same time, and tells the others that it runs or what came of it', async () => {
    const id = await first.block('203.0.113.21');
    const wish = { url: `/v1/blocks/${id}/comment`, key: newKey(), payload: { note: 'only once' } };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => change(at % 2 ? first : second, wish)));
    const fresh = answers.filter(({ statusCode, headers }) => statusCode === 200 && !headers['idempotent-replayed']);
    expect(fresh).toHaveLength(1);
    expect(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 409)).toBe(true);
    const steps = await first.blockList.history(id);
    expect(steps.filter(({ kind }) => kind === 'comment')).toHaveLength(1);
  });

  it.each<[string, Partial<Change>]>([
    ['another body', { payload: { note: 'another' } }],
    ['another precondition', { ifMatch: '"7"' }],
    ['another route', { url: '/v1/breakers/some-rule/reset' }],
  ])('refuses %s under a key that was used, with 422, and does nothing', async (_, other) => {
    const id = await first.block(`203.0.113.${30 + keys}`);
    const wish = { url: `/v1/blocks/${id}/comment`, key: newKey(), payload: { note: 'one' } };
    expect((await change(first, wish)).statusCode).toBe(200);
    const refused = await change(second, { ...wish, ...other });
    expect(refused.statusCode).toBe(422);
    expect(refused.json().type).toBe('urn:tidegate:problem:unprocessable');
    expect((await first.blockList.history(id)).filter(({ kind }) => kind === 'comment')).toHaveLength(1);
  });

  it('keeps the keys of two people apart', async () => {
    const id = await first.block('203.0.113.22');
    const wish = { url: `/v1/blocks/${id}/comment`, key: newKey(), payload: { note: 'mine' } };
    const token = await first.issue('reviewer');
    expect((await change(first, wish)).statusCode).toBe(200);
    const other = await change(second, { ...wish, token });
    expect([other.statusCode, other.headers['idempotent-replayed']]).toEqual([200, undefined]);
  });

  it('leaves a key free whose request was refused: it changed nothing', async () => {
    const key = newKey();
    const url = '/v1/allow';
    const wrong = { subject: 'ip:nobody', until: inAnHour(), note: 'n' };
    expect((await change(first, { url, key, payload: wrong })).statusCode).toBe(400);
    expect((await change(first, { url, key, payload: { ...wrong, subject: 'user:key-free' } })).statusCode).toBe(201);
  });

  it('repeats an answer without a body', async () => {
    const payload = { subject: 'user:gone', until: inAnHour(), note: 'n' };
    expect((await change(first, { url: '/v1/allow', payload })).statusCode).toBe(201);
    const end = { method: 'DELETE' as const, url: '/v1/allow?subject=user:gone&note=over', key: newKey() };
    const [done, again] = [await change(first, end), await change(second, end)];
    expect([done.statusCode, again.statusCode, again.payload]).toEqual([204, 204, '']);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect((await change(first, { ...end, key: newKey() })).statusCode).toBe(404);
  });

  it('never keeps a token that was made: who asks again is told that it is not kept', async () => {
    const wish = { url: '/v1/tokens', key: newKey(), payload: { name: 'bot', role: 'viewer' } };
    const made = await change(first, wish);
    expect(made.json().token).toBeTruthy();
    const again = await change(second, wish);
    expect(again.statusCode).toBe(409);
    expect(again.payload).not.toContain(made.json().token);
  });

  it.each(['', ' ', 'a b', 'ü', 'x'.repeat(129), 'a\u0000'])('refuses the key %j and names the header', async (key) => {
    const answer = await change(first, { url: '/v1/blocks/b-1/confirm', key, payload: {} });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().problems[0].path).toBe('header.idempotency-key');
  });

  it('lets exactly one of many win who saw the same version, over all processes', async () => {
    const id = await first.block('203.0.113.23');
    const wish = { url: `/v1/blocks/${id}/lift`, ifMatch: '"1"', payload: { reason: 'goodwill', note: 'n' } };
    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => change(at % 2 ? first : second, wish)));
    const statuses = answers.map(({ statusCode }) => statusCode).sort();
    expect(statuses).toEqual([200, ...Array(9).fill(412)]);
  });

  it('lets a retry of the winner through where the version has moved on because of it', async () => {
    const id = await first.block('203.0.113.24');
    const wish = { url: `/v1/blocks/${id}/confirm`, ifMatch: '"1"', key: newKey(), payload: {} };
    expect((await change(first, wish)).statusCode).toBe(200);
    expect((await change(second, wish)).statusCode).toBe(200);
    expect((await change(second, { ...wish, key: newKey() })).statusCode).toBe(412);
  });
};

describe('a change that is sent twice, in memory', () => {
  suite(async () => ({
    clock,
    blockList: new MemoryBlockList({ clock }),
    records: new MemoryReviewRecords({ clock }),
    tokenStore: new MemoryTokenStore({ clock }),
  }));
});

describeWith('redis', 'a change that is sent twice, to two processes at one Redis', (url) => {
  let redis: RedisConnection;
  suite(async () => {
    redis = await openRedis({ url });
    const namespace = freshName('api');
    return {
      clock,
      blockList: new RedisBlockList({ redis, namespace }),
      records: new RedisReviewRecords({ redis, namespace }),
      tokenStore: new RedisTokenStore({ redis, namespace }),
    };
  });
  afterAll(() => redis.disconnect());
});
