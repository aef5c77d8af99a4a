import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../../src/alert/alert-text.ts';
import { AlertmanagerClient, postableOf } from '../../../src/alert/alertmanager.ts';
import { ruleFrom } from '../../../src/alert/alerts-terms.ts';
import type { PostRequest, PostResult } from '../../../src/alert/post.ts';
import { reportOf } from '../../../src/alert/rule.ts';
import { ManualClock } from '../../../src/clock.ts';
import { definitionOf, instanceOf } from '../../support/alerts.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const links = { grafanaUrl: null, docsUrl: 'https://docs.example.com' };
const taken: PostResult = { kind: 'answered', status: 200, retryAfterMs: null };

const stage = () => {
  const clock = new ManualClock();
  const posts: PostRequest[] = [];
  const world: { answer: PostResult | ((body: string) => PostResult) } = { answer: taken };
  const client = new AlertmanagerClient({
    target: { url: new URL('https://alertmanager.example.com/prefix/'), authorization: 'Bearer t' },
    post: async (request) => {
      posts.push(request);
      return typeof world.answer === 'function' ? world.answer(request.body) : world.answer;
    },
    ...{ clock, logger: recordingLogger(), generatorUrl: 'https://tidegate.example.com/#/alerts' },
    externalLabels: { tidegate_namespace: 'eu' },
  });
  const rule = ruleFrom(definitionOf(), { labels: { team: 'payments' } });
  const tell = async (more: Parameters<typeof instanceOf>[0] = {}, count = 1, last = {}): Promise<number> => {
    const before = posts.length;
    const atMs = clock.nowMs();
    const reports = Array.from({ length: count }, (_, n) =>
      reportOf(rule, instanceOf({ ...more, ...(n === count - 1 ? last : {}), id: `i${n}` }), { ...links, atMs }),
    );
    await client.tell(reports, atMs);
    return posts.length - before;
  };
  return { clock, posts, world, client, tell, rule };
};

describe('an Alertmanager', () => {
  it('is told what, how bad, why and where to read on, and that it holds for four minutes more', async () => {
    const { tell, posts, clock } = stage();
    await tell();
    const [post] = posts;
    expect(post?.url.href).toBe('https://alertmanager.example.com/prefix/api/v2/alerts');
    expect(post?.headers['authorization']).toBe('Bearer t');
    expect(JSON.parse(post?.body ?? '')).toEqual([
      {
        labels: {
          ...{ alertname: 'TidegateThrottleSpike', severity: 'page', tenant: 'acme', team: 'payments' },
          area: 'throttling',
          tidegate_namespace: 'eu',
        },
        annotations: {
          summary: 'Denials of acme rose to 420 a minute',
          description: 'Denials are far above their baseline',
          cause: 'one client makes most of the denials',
          numbers: 'denied 420',
          runbook_url: 'https://docs.example.com/runbooks/throttle-spike.md',
        },
        startsAt: new Date(1_750_000_060_000).toISOString(),
        endsAt: new Date(clock.nowMs() + 240_000).toISOString(),
        generatorURL: 'https://tidegate.example.com/#/alerts',
      },
    ]);
  });

  it('is told again every minute while it holds, and of its end for a quarter of an hour', async () => {
    const { tell, clock, posts } = stage();
    expect(await tell()).toBe(1);
    clock.advance(45_000);
    expect(await tell()).toBe(0);
    clock.advance(15_000);
    expect(await tell()).toBe(1);
    clock.advance(1000);
    const over = { state: 'resolved' as const, resolvedAtMs: clock.nowMs() };
    expect(await tell(over)).toBe(1);
    expect(JSON.parse(posts.at(-1)?.body ?? '')[0].endsAt).toBe(new Date(over.resolvedAtMs).toISOString());
    clock.advance(14 * 60_000);
    expect(await tell(over)).toBe(1);
    clock.advance(2 * 60_000);
    expect(await tell(over)).toBe(0);
  });

  it('that does not take it is told again at the next evaluation, and the failure is counted', async () => {
    const { tell, clock, world, client } = stage();
    world.answer = { kind: 'failed', why: 'refused' };
    expect(await tell({}, 250)).toBe(1);
    world.answer = { kind: 'answered', status: 503, retryAfterMs: null };
    clock.advance(15_000);
    expect(await tell({}, 250)).toBe(1);
    world.answer = taken;
    clock.advance(15_000);
    expect(await tell({}, 250)).toBe(3);
    expect(client.stats()).toEqual({ told: 250, failures: 2 });
  });

  it('that refuses one alert is told all the others, in a bounded number of requests', async () => {
    const { world, client, tell, posts, clock } = stage();
    world.answer = (body) => ({ ...taken, status: /"startsAt":"1999/.test(body) ? 400 : 200 });
    const poison = { firedAtMs: Date.UTC(1999, 1, 1) };
    expect(await tell({}, 100, poison)).toBeLessThanOrEqual(15);
    expect(client.stats().told).toBe(99);
    clock.advance(15_000);
    expect(await tell({}, 100, poison)).toBe(1);
    expect(JSON.parse(posts.at(-1)?.body ?? '')).toHaveLength(1);
  });

  it('that refuses everything, or answers slowly, holds nobody up', async () => {
    const { world, tell, clock } = stage();
    world.answer = { ...taken, status: 400 };
    expect(await tell({}, 1000)).toBe(40);
    world.answer = () => {
      clock.advance(9000);
      return { ...taken, status: 400 };
    };
    expect(await tell({}, 1000)).toBe(2);
    world.answer = { ...taken, status: 500 };
    expect(await tell({}, 1000)).toBe(1);
  });

  it('gets labels that it takes, and no alert that ends before it starts', () => {
    const { rule } = stage();
    const instance = instanceOf({
      labels: { 'a.b-c': '"; DROP TABLE', '1st': 'x', empty: '' },
      state: 'resolved',
      resolvedAtMs: 1_750_000_000_000 - 86_400_000,
    });
    const report = reportOf(rule, instance, { ...links, atMs: 1_750_000_000_000 });
    const alert = postableOf(report, { generatorUrl: null, externalLabels: {}, atMs: 1_750_000_000_000 });
    expect(alert.labels).toMatchObject({ a_b_c: '"; DROP TABLE', _1st: 'x' });
    expect(alert.labels).not.toHaveProperty('empty');
    expect(Date.parse(alert.endsAt)).toBeGreaterThan(Date.parse(alert.startsAt));
  });
});

describe('the sentence of an alert', () => {
  it.each(['all', ''])('about everybody is one of all decisions, whatever the series is called: %j', (name) => {
    const summary = 'Denials of {{dimension}} {{name}} burn';
    const seen = { value: 1, numbers: {}, cause: null };
    expect(summaryOf({ summary, unit: 'ratio' }, { dimension: 'all', name }, seen)).toBe(
      'Denials of all decisions burn',
    );
    expect(summaryOf({ summary, unit: 'ratio' }, { dimension: 'tenant', name: 'all' }, seen)).toMatch(/of tenant all/);
  });

  const labels = { name: 'a\nb', tenant: '{{value}}' };
  const numbers = { baselineRate: 0.0312 };

  it.each([
    { summary: '{{value}}', unit: 'share', value: 0.4236, text: '42.4 %' },
    { summary: '{{value}}', unit: 'seconds', value: 95, text: '95 s' },
    { summary: '{{value}}', unit: 'seconds', value: 600, text: '10 min' },
    { summary: '{{value}}', unit: 'count', value: 12345, text: '12,345' },
    { summary: '{{value}}', unit: 'count', value: 1e308, text: '1.00e+308' },
    { summary: '{{value}} of {{baselineRate}}', unit: 'ratio', value: 14.44, text: '14.4 of 3.12 %' },
    { summary: '{{name}}', unit: 'count', value: 1, text: 'a·b' },
    {
      summary: '{{tenant}}, {{unknown}} {{toString}}',
      unit: 'count',
      value: 1,
      text: '{{value}}, {{unknown}} {{toString}}',
    },
  ] as const)('$summary in $unit of $value is told as $text', ({ summary, unit, value, text }) => {
    expect(summaryOf({ summary, unit }, labels, { value, numbers, cause: null })).toBe(text);
  });
});
