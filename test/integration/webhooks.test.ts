import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChangeWatch } from '../../src/alert/change-watch.ts';
import { Deliverer } from '../../src/alert/deliverer.ts';
import { queueOf } from '../../src/alert/endpoint.ts';
import { createPost } from '../../src/alert/post.ts';
import { type Counters, openCounters } from '../../src/cli/engines.ts';
import { readWebhookFile } from '../../src/cli/webhook-file.ts';
import { webhooksCommand } from '../../src/cli/webhooks-command.ts';
import { clientOf } from '../../src/client.ts';
import { ManualClock, systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { runCommand } from '../support/command-run.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { promotionOf } from '../support/promotions.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const older = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;

let folder: string;
let receiver: WebhookReceiver;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-webhooks-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  receiver = await startWebhookReceiver();
});
afterEach(() => receiver.close());

const fileWith = (text: string): string => {
  const path = join(folder, `${freshName('webhooks')}.yaml`);
  writeFileSync(path, text);
  return path;
};
const fileFor = (more = ''): string =>
  fileWith(
    `version: 1\nendpoints:\n  - name: oncall\n    url: ${receiver.url}/hook?key=hidden\n    secret: ${secret}\n    allowPrivate: true\n${more}`,
  );

describe('sending', () => {
  const send = (path: string, more: object = {}) =>
    createPost({ clock: systemClock, timeoutMs: 300 })({
      url: new URL(`${receiver.url}${path}`),
      headers: { 'content-type': 'application/json' },
      body: '{}',
      allowPrivate: true,
      ...more,
    });

  it('follows no redirect', async () => {
    receiver.answering((response) => response.writeHead(302, { location: '/elsewhere' }).end());
    expect(await send('/hook')).toEqual({ kind: 'answered', status: 302, retryAfterMs: null });
    expect(receiver.received.map(({ path }) => path)).toEqual(['/hook']);
  });

  it('waits for an answer for so long, and for the rest of one no longer', async () => {
    receiver.answering(() => undefined);
    expect(await send('/hook')).toEqual({ kind: 'failed', why: 'no answer within 300 ms' });
    receiver.answering((response) => response.writeHead(200).write('a'));
    expect(await send('/hook')).toMatchObject({ kind: 'answered', status: 200 });
  });

  it('reads no more than a little of an answer that never ends', async () => {
    let written = 0;
    receiver.answering((response) => {
      response.writeHead(200, { 'retry-after': '7' });
      const more = (): void => {
        for (let n = 0; n < 64 && !response.destroyed; n += 1)
          written += response.write('x'.repeat(16_384)) ? 16_384 : 0;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await send('/hook')).toEqual({ kind: 'answered', status: 200, retryAfterMs: 7000 });
    expect(written).toBeLessThan(10_000_000);
  });

  it('tells a connection that is cut from an answer that is late', async () => {
    receiver.answering((response) => response.destroy());
    expect(await send('/hook')).toMatchObject({ kind: 'failed', why: expect.not.stringContaining('no answer within') });
    await receiver.close();
    expect(await send('/hook')).toMatchObject({ kind: 'failed', why: expect.stringContaining('ECONNREFUSED') });
    receiver = await startWebhookReceiver();
  });

  it('asks nothing without TLS, and no private address, unless it is allowed to', async () => {
    expect(await send('/hook', { allowPrivate: false })).toEqual({ kind: 'failed', why: 'it is not https' });
    for (const host of [
      '127.0.0.1',
      '[::1]',
      '169.254.169.254',
      '10.1.2.3',
      '[fd00::1]',
      '[::ffff:10.0.0.1]',
      '0x7f.1',
      '2130706433',
      '0.0.0.0',
      '100.64.0.1',
      '224.0.0.1',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
    ]) {
      expect(await send('', { url: new URL(`https://${host}/`), allowPrivate: false }), host).toMatchObject({
        kind: 'failed',
        why: expect.stringContaining('private address'),
      });
    }
    expect(receiver.received).toEqual([]);
  });

  it('looks at what a name stands for, and refuses it when any of its addresses is private', async () => {
    const asked: string[] = [];
    const post = createPost({
      clock: systemClock,
      timeoutMs: 300,
      resolve: (host, _options, done) => {
        asked.push(host);
        done(null, [
          { address: '8.8.8.8', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]);
      },
    });
    const port = new URL(receiver.url).port;
    const url = new URL(`https://rebinding.example.com:${port}/`);
    const result = await post({ url, headers: {}, body: '{}', allowPrivate: false });
    expect(result).toMatchObject({ kind: 'failed', why: expect.stringContaining('private address') });
    expect(asked).toEqual(['rebinding.example.com']);
    expect(receiver.received).toEqual([]);
  });
});

describeWith('redis', 'webhooks over Redis', (url) => {
  let counters: Counters;
  const clock = new ManualClock(systemClock.nowMs());
  const deliverers: Deliverer[] = [];

  beforeEach(async () => {
    const options = { redisUrl: url, namespace: freshName('webhooks'), clock: systemClock, logger: silentLogger };
    counters = await openCounters({ ...options, time: 'wall' });
  });
  afterEach(async () => {
    for (const deliverer of deliverers.splice(0)) await deliverer.stop();
    await counters.close();
  });

  const deliverer = (path: string, holder = 'a') => {
    const { blockList: changes, outbox } = counters;
    const watch = new ChangeWatch({ changes, outbox, clock });
    const made = new Deliverer({
      outbox,
      endpoints: readWebhookFile(path),
      post: createPost({ clock: systemClock }),
      clock,
      random: () => 0.5,
      holder,
      look: () => watch.look(),
    });
    deliverers.push(made);
    return async () => {
      await made.turn();
      await made.idle();
    };
  };
  const propose = (n: number) =>
    counters.blockList.promote(
      promotionOf(
        { id: `v${n}`, atMs: systemClock.nowMs(), subject: clientOf('ip', `203.0.113.${n}`) },
        { mode: 'review' },
      ),
    );

  it('tell of a proposal within a turn, signed so that the reference library takes it, and no forgery', async () => {
    const secrets = join(folder, 'secrets');
    writeFileSync(secrets, `# the new one first\n${secret}\n${older}\n`);
    chmodSync(secrets, 0o600);
    const path = fileWith(
      `version: 1\nendpoints:\n  - name: oncall\n    url: ${receiver.url}/hook\n    secretFile: secrets\n    allowPrivate: true\n`,
    );
    const turn = deliverer(path);
    await turn();
    const made = await propose(1);
    await turn();
    const [one] = receiver.received;
    if (!one || made.kind !== 'proposed') throw new Error('not told');
    for (const known of [secret, older]) {
      expect(new Webhook(known).verify(one.body, { ...one.headers })).toMatchObject({
        type: 'block.proposed',
        data: { block: made.block.id, subject: 'ip:203.0.113.1', evidence: { denied: expect.any(Number) } },
      });
    }
    expect(() => new Webhook(secret).verify(`${one.body} `, { ...one.headers })).toThrow();
    expect(() => new Webhook(secret).verify(one.body, { ...one.headers, 'webhook-id': 'msg_other' })).toThrow();
    const stranger = `whsec_${Buffer.alloc(32, 4).toString('base64')}`;
    expect(() => new Webhook(stranger).verify(one.body, { ...one.headers })).toThrow();
    expect(one.headers['content-type']).toBe('application/json');
  });

  it('tell of each thing once in all, with two processes that both look and both want to deliver', async () => {
    const path = fileFor();
    const turns = [deliverer(path, 'a'), deliverer(path, 'b')];
    await Promise.all(turns.map((turn) => turn()));
    for (let n = 1; n <= 20; n += 1) await propose(n);
    const notice = { kind: 'approval.requested', id: 'approval 1', at: new Date().toISOString(), data: {} } as const;
    await Promise.all([counters.outbox.put([notice]), counters.outbox.put([notice])]);
    for (let n = 0; n < 3; n += 1) await Promise.all(turns.map((turn) => turn()));
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(21);
    expect(new Set(ids).size).toBe(21);
  });

  it('tell again, under the same id, what was told and not noted, when the process that told it is gone', async () => {
    const path = fileFor();
    const dying = deliverer(path, 'dying');
    await dying();
    await propose(1);
    const { remove } = counters.outbox;
    counters.outbox.remove = () => Promise.reject(new Error('killed'));
    await dying();
    counters.outbox.remove = remove.bind(counters.outbox);
    const next = deliverer(path, 'next');
    // The lead is not kept for 15 s by somebody who has died: here its end is awaited by hand.
    await counters.outbox.lead('dying', 1);
    await systemClock.sleep(5);
    await next();
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });
});

describe('the webhooks file', () => {
  it('says who is told of what; everything is told to everybody where it says nothing', () => {
    const [endpoint] = readWebhookFile(fileFor());
    expect(endpoint).toMatchObject({ name: 'oncall', tenants: null, allowPrivate: true });
    expect(endpoint?.events).toHaveLength(6);
    expect(endpoint && queueOf(endpoint)).toMatch(/^oncall\.[0-9a-f]{8}$/);
  });

  const oncall = '  - name: oncall\n    url: https://hooks.example.com/a\n';
  it.each([
    ['version: 2\nendpoints: []\n', 'version'],
    ['version: 1\n', 'endpoints'],
    ['{', 'yaml'],
    [`version: 1\nendpoints:\n${oncall}`, 'endpoints[0]'],
    [`version: 1\nendpoints:\n${oncall}    secret: whsec_c2hvcnQ=\n`, 'endpoints[0].secret'],
    [`version: 1\nendpoints:\n${oncall}    secret: hunter2hunter2hunter2hunter2\n`, 'endpoints[0].secret'],
    [`version: 1\nendpoints:\n${oncall}    secret: 7\n`, 'endpoints[0].secret'],
    [`version: 1\nendpoints:\n${oncall}    secretFile: not-there\n`, 'endpoints[0].secretFile'],
    [`version: 1\nendpoints:\n${oncall}    secret: ${secret}\n    events: [block.made]\n`, 'endpoints[0].events[0]'],
    [`version: 1\nendpoints:\n${oncall}    secret: ${secret}\n    tenants: [a/b]\n`, 'endpoints[0].tenants'],
    [`version: 1\nendpoints:\n${oncall}    secret: ${secret}\n    retries: 3\n`, 'endpoints[0].retries'],
    [`version: 1\nendpoints:\n${oncall}    secret: ${secret}\n${oncall}    secret: ${secret}\n`, 'endpoints[1].name'],
    [
      `version: 1\nendpoints:\n  - name: a\n    url: http://hooks.example.com\n    secret: ${secret}\n`,
      'endpoints[0].url',
    ],
    [
      `version: 1\nendpoints:\n  - name: a\n    url: https://u:hidden@hooks.example.com\n    secret: ${secret}\n`,
      'endpoints[0].url',
    ],
    [
      `version: 1\nendpoints:\n  - name: a\n    url: ftp://hooks.example.com\n    secret: ${secret}\n`,
      'endpoints[0].url',
    ],
  ])('%j is refused, with the place and without the secret', async (text, path) => {
    const file = fileWith(text);
    const { exitCode, stderr } = await runCommand(webhooksCommand, ['check', '--webhooks', file]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(path);
    expect(stderr).not.toMatch(/hunter2|hidden|AwMDAw/);
  });
});

describe('tidegate webhooks', () => {
  it('check: says who is told of what, by host alone', async () => {
    const { exitCode, stdout } = await runCommand(webhooksCommand, ['check', '--webhooks', fileFor()]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^oncall +127\.0\.0\.1:\d+ +block\.proposed, .* +all tenants\n$/);
    expect(stdout).not.toContain('hidden');
  });

  it('test: sends an event that can be verified, and says what was answered', async () => {
    const path = fileFor();
    const args = ['test', 'oncall', '--webhooks', path, '--redis-url', 'memory:', '--log-level', 'silent'];
    const good = await runCommand(webhooksCommand, args);
    expect(good).toMatchObject({ exitCode: 0, stdout: 'oncall  answered 204\n' });
    const [one] = receiver.received;
    expect(new Webhook(secret).verify(one?.body ?? '', { ...one?.headers })).toMatchObject({ type: 'tidegate.test' });
    receiver.answering((response) => response.writeHead(500).end());
    expect(await runCommand(webhooksCommand, args)).toMatchObject({ exitCode: 1, stdout: 'oncall  answered 500\n' });
    expect((await runCommand(webhooksCommand, ['test', 'nobody', '--webhooks', path])).exitCode).toBe(2);
    expect((await runCommand(webhooksCommand, ['test'])).stderr).toContain('There is no webhooks file');
  });
});
