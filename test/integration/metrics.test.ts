import { afterEach, expect, it, vi } from 'vitest';
import { describeWith, freshName, kafkaUrl, redisUrl } from '../support/engines.ts';
import { type Family, parsePrometheusText } from '../support/prometheus-text.ts';
import { TidegateProcess } from '../support/tidegate-process.ts';

const token = '0123456789abcdef0123';
const ofDecisions = { tidegate_topic: 'tidegate.decisions' };
const running: TidegateProcess[] = [];

const start = (args: readonly string[]): TidegateProcess => {
  const started = new TidegateProcess([...args, '--port', '0'], { TIDEGATE_API_TOKENS: `anna=${token}` });
  running.push(started);
  return started;
};

afterEach(async () => {
  for (const one of running.splice(0)) {
    one.signal('SIGKILL');
    await one.ended();
  }
});

const scrape = async (url: string): Promise<ReadonlyMap<string, Family>> => {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parsePrometheusText(await answer.text());
};

/** Σ over all series, or over those with these labels. */
const sumOf = (families: ReadonlyMap<string, Family>, name: string, labels: Record<string, string> = {}): number =>
  (families.get(name)?.samples ?? [])
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);

const decide = async (url: string, index: number): Promise<string> => {
  const answer = await fetch(`${url}/v1/decisions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({
      clients: [{ kind: 'ip', id: `203.0.113.${index % 3}` }],
      method: 'GET',
      path: `/orders/${index}`,
    }),
  });
  const { outcome } = (await answer.json()) as { outcome: string };
  return outcome;
};

describeWith('chdb', 'GET /metrics of tidegate up', (folder) => {
  it('accounts for every decision from the gate to the database, and names no client', async () => {
    const url = await start(['up', '--clickhouse-url', folder]).url();
    const before = await scrape(url);
    expect(sumOf(before, 'tidegate_decisions_total')).toBe(0);
    const outcomes = await Promise.all(Array.from({ length: 600 }, (_, index) => decide(url, index)));
    const families = await vi.waitFor(
      async () => {
        const now = await scrape(url);
        expect(sumOf(now, 'tidegate_events_sent_total')).toBe(600);
        expect(sumOf(now, 'tidegate_ingest_rows_total', ofDecisions)).toBe(sumOf(now, 'tidegate_events_rows_total'));
        expect(sumOf(now, 'tidegate_ingest_lag')).toBe(0);
        expect(sumOf(now, 'tidegate_detect_events_total')).toBe(sumOf(now, 'tidegate_events_rows_total'));
        return now;
      },
      { timeout: 15_000, interval: 500 },
    );
    for (const outcome of ['allowed', 'denied']) {
      const taken = outcomes.filter((one) => one === outcome).length;
      expect(taken, outcome).toBeGreaterThan(0);
      expect(sumOf(families, 'tidegate_decisions_total', { tidegate_outcome: outcome })).toBe(taken);
    }
    const merged = sumOf(families, 'tidegate_events_sent_total') / sumOf(families, 'tidegate_events_rows_total');
    expect(merged).toBeGreaterThan(1);
    for (const name of ['tidegate_events_waiting', 'tidegate_events_lost_total', 'tidegate_ingest_dead_letters_total'])
      expect(sumOf(families, name), name).toBe(0);
    const partitions = new Set(
      families.get('tidegate_ingest_lag')?.samples.map(({ labels }) => JSON.stringify(labels)),
    );
    expect(partitions.size).toBe(sumOf(families, 'tidegate_ingest_partitions'));
    const delays = (families.get('tidegate_ingest_delay_seconds')?.samples ?? []).filter(
      (sample) => sample.labels['tidegate_topic'] === ofDecisions.tidegate_topic,
    );
    expect(delays.find(({ name }) => name.endsWith('_count'))?.value).toBe(
      sumOf(families, 'tidegate_ingest_blocks_total', ofDecisions),
    );
    expect(sumOf(families, 'tidegate_info', { tidegate_command: 'up' })).toBe(1);
    const labels = [...families.values()].flatMap(({ samples }) => samples.flatMap((one) => Object.values(one.labels)));
    expect(labels.filter((value) => /203|orders/.test(value))).toEqual([]);
  });
});

describeWith('kafka', 'GET /metrics of processes of their own', () => {
  it.skipIf(redisUrl() === null)('says in serve what was sent, and in detect what was judged', async () => {
    const shared = [
      '--kafka-url',
      kafkaUrl() ?? '',
      '--redis-url',
      redisUrl() ?? '',
      '--namespace',
      freshName('metrics'),
    ];
    const [serve, detect] = await Promise.all([
      start(['serve', ...shared, '--clickhouse-url', 'chdb:elsewhere']).url(),
      start(['detect', ...shared]).url(),
    ]);
    for (let index = 0; index < 50; index += 1) await decide(serve, index);
    await vi.waitFor(async () => expect(sumOf(await scrape(serve), 'tidegate_events_sent_total')).toBe(50), {
      timeout: 15_000,
      interval: 500,
    });
    const deciding = await scrape(serve);
    expect(sumOf(deciding, 'tidegate_decisions_total')).toBe(50);
    expect(sumOf(deciding, 'tidegate_live_gates')).toBe(1);
    expect(deciding.has('tidegate_ingest_rows_total') || deciding.has('tidegate_detect_events_total')).toBe(false);
    await vi.waitFor(
      async () => {
        const judging = await scrape(detect);
        expect(sumOf(judging, 'tidegate_detect_events_total')).toBeGreaterThanOrEqual(
          sumOf(deciding, 'tidegate_events_rows_total'),
        );
        expect(sumOf(judging, 'tidegate_detect_lag')).toBe(0);
        expect(judging.has('tidegate_decisions_total')).toBe(false);
      },
      { timeout: 25_000, interval: 500 },
    );
  });
});
