import { describe, expect, it } from 'vitest';
import { createClient, newKey, type Question, queryText } from '../../../src/console/app/client.ts';
import { Problem, Unreachable } from '../../../src/console/app/problem.ts';

const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });

const problem = (status: number, kind: string): Response =>
  new Response(
    JSON.stringify({
      type: `urn:tidegate:problem:${kind}`,
      title: 'No',
      status,
      detail: 'Because.',
      problems: [{ path: 'body.note', message: 'is missing' }],
    }),
    { status, headers: { 'content-type': 'application/problem+json' } },
  );

interface Asked {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** A client whose API gives these answers, one after the other; what throws is an API that is not there. */
const clientOf = (answers: readonly (Response | Error)[], refused: () => Promise<void> | null = () => null) => {
  const left = [...answers];
  const asked: Asked[] = [];
  const heard: boolean[] = [];
  const ask = createClient({
    fetch: (path, init) => {
      const { method = 'GET', headers, body } = init ?? {};
      asked.push({
        path: String(path),
        method,
        headers: headers as Record<string, string>,
        body: body as string | null,
      });
      const answer = left.shift() ?? new Error('nothing more');
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    token: () => 'secret',
    heard: (isThere) => void heard.push(isThere),
    refused,
  });
  return { ask, asked, heard };
};

const changing: Question = { method: 'POST', body: { note: 'x' }, etag: '"3"' };

describe('the client of the console', () => {
  it('sends the token, the ETag that was read and a key of its own with every change', async () => {
    const { ask, asked } = clientOf([json(200, { ok: true }, { etag: '"4"', 'idempotent-replayed': 'true' })]);
    const { body, etag, isReplay } = await ask<{ ok: boolean }>('v1/blocks/b/lift', changing);
    expect({ body, etag, isReplay }).toEqual({ body: { ok: true }, etag: '"4"', isReplay: true });
    expect(asked[0]).toMatchObject({ path: 'v1/blocks/b/lift', method: 'POST', body: '{"note":"x"}' });
    expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer secret', 'if-match': '"3"' });
    expect(asked[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('makes no key for what is only read, and another one for each change', async () => {
    const { ask, asked } = clientOf([json(200, {}), json(200, {}), json(200, {})]);
    await ask('v1/blocks');
    await ask('v1/a', changing);
    await ask('v1/a', changing);
    const keys = asked.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toBeUndefined();
    expect(new Set(keys).size).toBe(3);
    expect(newKey()).not.toBe(newKey());
  });

  it('throws what the API refuses with its kind and the fields it names', async () => {
    const { ask, heard } = clientOf([problem(400, 'invalid-request')]);
    const refusal = await ask('v1/x', changing).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Problem);
    expect(refusal).toMatchObject({ kind: 'invalid-request', status: 400, message: 'Because.' });
    expect((refusal as Problem).about('body.note')).toBe('is missing');
    expect((refusal as Problem).about('body.until')).toBeNull();
    expect(heard).toEqual([true]);
  });

  it('takes no answer, and the answer of a proxy before an API that is gone, for silence', async () => {
    const page = new Response('<h1>Bad gateway</h1>', { status: 502, headers: { 'content-type': 'text/html' } });
    const { ask, heard } = clientOf([new TypeError('fetch failed'), page]);
    await expect(ask('v1/x')).rejects.toBeInstanceOf(Unreachable);
    await expect(ask('v1/x')).rejects.toBeInstanceOf(Unreachable);
    expect(heard).toEqual([false, false]);
  });

  it('takes a 503 in the words of the API for an answer: a part of it is away, not all', async () => {
    const { ask, heard } = clientOf([problem(503, 'unavailable')]);
    await expect(ask('v1/x')).rejects.toMatchObject({ kind: 'unavailable' });
    expect(heard).toEqual([true]);
  });

  it('goes on under the same key when its author has signed in again', async () => {
    const { ask, asked } = clientOf([problem(401, 'unauthorized'), json(200, { ok: true })], () => Promise.resolve());
    expect((await ask('v1/x', changing)).body).toEqual({ ok: true });
    expect(asked[1]?.headers['idempotency-key']).toBe(asked[0]?.headers['idempotency-key']);
  });

  it('gives up where nobody signs in again', async () => {
    const { ask } = clientOf([problem(401, 'unauthorized'), problem(401, 'unauthorized')]);
    await expect(ask('v1/x', changing)).rejects.toMatchObject({ status: 401 });
    const refusing = clientOf([problem(401, 'unauthorized')], () => Promise.reject(new Problem(401, {})));
    await expect(refusing.ask('v1/x', changing)).rejects.toMatchObject({ status: 401 });
    expect(refusing.asked).toHaveLength(1);
  });

  it('tries a token out without asking for another one', async () => {
    const { ask, asked } = clientOf([problem(401, 'unauthorized')], () => Promise.resolve());
    await expect(ask('v1/session', { token: 'tried' })).rejects.toMatchObject({ status: 401 });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers['authorization']).toBe('Bearer tried');
  });

  it('writes queries of what is given alone, and escapes it', () => {
    expect(queryText({ a: 'x y&z', b: 0, c: '', d: null, e: undefined, f: false })).toBe('?a=x+y%26z&b=0&f=false');
    expect(queryText({})).toBe('');
  });
});
