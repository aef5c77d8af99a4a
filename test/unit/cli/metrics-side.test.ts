import { describe, expect, it, vi } from 'vitest';
import type { DecisionReader } from '../../../src/analytics/decision-reader.ts';
import type { Context } from '../../../src/cli/context.ts';
import { openMetricsSide } from '../../../src/cli/metrics-side.ts';
import { Opened } from '../../../src/cli/opened.ts';
import { openIngestSide } from '../../../src/cli/pipeline-side.ts';
import { type Config, settingNames, settings } from '../../../src/cli/settings.ts';
import type { Database } from '../../../src/clickhouse/database.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import { topics } from '../../../src/event/event-log.ts';
import { decisionFrame } from '../../support/decision-frames.ts';
import { decisionOf } from '../../support/decisions.ts';
import { FakeEventTable } from '../../support/fake-event-table.ts';
import { parsePrometheusText } from '../../support/prometheus-text.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const setUp = () => {
  const clock = new ManualClock();
  const logger = recordingLogger();
  const defaults = Object.fromEntries(settingNames.map((name) => [name, settings[name].default])) as Config;
  const context: Context = { config: defaults, clock, logger, redact: (text) => text };
  return { clock, logger, context, opened: new Opened() };
};

describe('the metrics of a process', () => {
  it('ask ClickHouse once, at the start, however often they are scraped', async () => {
    const { clock, context, opened } = setUp();
    const { measuring, scrape } = await openMetricsSide(context, { command: 'ingest', opened });
    const asked: string[] = [];
    const newestEventAtMs = clock.nowMs() - 7000;
    const reader = new Proxy({} as DecisionReader, {
      get: (_, question: string) => async () => {
        asked.push(question);
        return { newestEventAtMs, newestStoredAtMs: newestEventAtMs };
      },
    });
    const table = new FakeEventTable();
    const [read, end] = [vi.spyOn(table, 'marks'), vi.spyOn(table, 'ledgerEnd')];
    const log = opened.add(new MemoryEventLog({ clock, partitions: 2 }), (closing) => closing.close());
    const database = {
      table,
      blocks: new FakeEventTable(),
      policies: new FakeEventTable(),
      health: new FakeEventTable(),
      reader,
    } as unknown;
    await openIngestSide(context, { log, database: database as Database, measuring, opened });
    const askedOfTable = read.mock.calls.length + end.mock.calls.length;
    let text = '';
    for (let times = 0; times < 20; times += 1) {
      clock.advance(1000);
      text = (await scrape?.()) ?? '';
    }
    const families = parsePrometheusText(text);
    expect(families.get('tidegate_ingest_freshness_seconds')?.samples[0]?.value).toBe(27);
    expect(asked).toEqual(['freshness']);
    expect(read.mock.calls.length + end.mock.calls.length).toBe(askedOfTable);
    await opened.close();
  });

  it('tell what was stored, how long it took, and how far ingest is behind', async () => {
    const { clock, context, opened } = setUp();
    const { measuring, scrape } = await openMetricsSide(context, { command: 'ingest', opened });
    const log = opened.add(new MemoryEventLog({ clock, partitions: 1 }), (closing) => closing.close());
    const reader = { freshness: async () => ({ newestEventAtMs: null, newestStoredAtMs: null }) };
    const tables = {
      table: new FakeEventTable(),
      blocks: new FakeEventTable(),
      policies: new FakeEventTable(),
      health: new FakeEventTable(),
    };
    const database = { ...tables, reader } as unknown as Database;
    const { decisions: ingester } = await openIngestSide(context, { log, database, measuring, opened });
    const writer = await log.writer(topics.decisions);
    const event = { ...decisionOf({ seq: 1, timeMs: clock.nowMs() - 2000 }), partition: 0 };
    await ingester.whenReached(await writer.append([decisionFrame([event])]));
    await vi.waitFor(async () => expect([...(await ingester.lag()).values()]).toEqual([0]), { timeout: 15_000 });
    clock.advance(3000);
    const families = parsePrometheusText((await scrape?.()) ?? '');
    const numberOf = (name: string) =>
      families.get(name)?.samples.find(({ labels }) => labels['tidegate_topic'] === topics.decisions)?.value;
    expect(numberOf('tidegate_ingest_rows_total')).toBe(1);
    expect(numberOf('tidegate_ingest_lag')).toBe(0);
    expect(numberOf('tidegate_ingest_freshness_seconds')).toBe(5);
    expect(numberOf('tidegate_ingest_last_block_age_seconds')).toBe(3);
    const delay = families.get('tidegate_ingest_delay_seconds')?.samples ?? [];
    expect(delay.find(({ name }) => name.endsWith('_sum'))?.value).toBe(2);
    await opened.close();
  });

  it('share one answer among all who scrape within a second', async () => {
    const { clock, context, opened } = setUp();
    const { measuring, scrape } = await openMetricsSide(context, { command: 'serve', opened });
    const log = { stats: vi.fn(() => ({ records: 1, bytes: 2, droppedRecords: 3 })) };
    measuring.observeLog(log);
    await Promise.all([scrape?.(), scrape?.()]);
    expect(log.stats).toHaveBeenCalledTimes(1);
    clock.advance(1000);
    const text = (await scrape?.()) ?? '';
    expect(log.stats).toHaveBeenCalledTimes(2);
    expect(parsePrometheusText(text).get('tidegate_info')?.samples[0]?.labels).toMatchObject({
      tidegate_command: 'serve',
      tidegate_region: 'local',
    });
    await opened.close();
  });

  it('are left out, with a warning, where their packages are not installed: the process runs all the same', async () => {
    const { context, opened, logger } = setUp();
    const missing = "Cannot find package '@opentelemetry/sdk-metrics' imported from here";
    const load = () => Promise.reject(Object.assign(new Error(missing), { code: 'ERR_MODULE_NOT_FOUND' }));
    const { scrape, measuring } = await openMetricsSide(context, { command: 'serve', opened, load });
    expect(scrape).toBeNull();
    measuring.policiesRefused();
    const warning = logger.lines.find(({ level }) => level === 'warn');
    expect(JSON.stringify(warning)).toContain('npm install @opentelemetry/sdk-metrics');
    await opened.close();
  });
});
