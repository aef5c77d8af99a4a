import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { grafanaRules } from '../../dashboards/alerts/grafana-rules.ts';
import { questionSql } from '../../dashboards/alerts/question-sql.ts';
import type { Bound } from '../../src/alert/definition.ts';
import { evaluateFigures } from '../../src/alert/figures/evaluate.ts';
import { selectRows } from '../../src/clickhouse/engine.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { type ChdbEngine, openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { describeWith } from '../support/engines.ts';
import { askedAfterMs, figureAlerts, playedSeries, samplesOf, windowOver } from '../support/health-plays.ts';
import { repositoryRoot } from '../support/source-text.ts';

type Row = Readonly<Record<string, string | number>>;

const dayMs = 86_400_000;
const firstMs = Date.UTC(2026, 2, 1);
/** Each play has a day of its own, so that none sees the samples of another. */
const plays = [1, 2, 3].map((seed) => {
  const startMs = firstMs + seed * dayMs;
  return { seed, atMs: startMs + askedAfterMs, samples: samplesOf(playedSeries(seed), startMs) };
});

const isBeyond = (value: number, bound: Bound): boolean =>
  'above' in bound ? value > bound.above : value < bound.below;

const instant = (ms: number): string => `toDateTime64(${ms / 1000}, 3, 'UTC')`;

/** Labels and numbers in an order that does not depend on who answered. */
const inOrder = (answers: readonly (readonly [Readonly<Record<string, string>>, number])[]): string[] =>
  answers.map(([labels, value]) => `${JSON.stringify(Object.entries(labels).sort())} ${value.toPrecision(9)}`).sort();

const labelsOf = ({ value: _, ...labels }: Row): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).flatMap(([name, text]) => (text === '' ? [] : [[name, String(text)]])));

interface GrafanaFile {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly title: string;
      readonly data: readonly { readonly refId: string; readonly model: { readonly rawSql?: string } }[];
    }[];
  }[];
}
const rawStatements = (parse(grafanaRules()) as GrafanaFile).groups.flatMap(({ rules }) =>
  rules.flatMap(({ title, data }) =>
    data.flatMap(({ refId, model: { rawSql: sql } }) =>
      sql === undefined ? [] : [{ name: `${title} ${refId}`, sql }],
    ),
  ),
);

const runbooks = join(repositoryRoot, 'docs/runbooks');
const ofRunbooks = readdirSync(runbooks).flatMap((file) =>
  [...readFileSync(join(runbooks, file), 'utf8').matchAll(/^```sql\n([\s\S]*?)^```$/gm)].map(([, sql = '']) => ({
    id: file,
    sql,
  })),
);

describeWith('chdb', 'questions about figures in SQL', (url) => {
  let engine: ChdbEngine;
  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length) });
    await migrate({ engine, options: { rawTtlDays: 0, minuteTtlDays: 0, dedupWindow: 100 }, logger: silentLogger });
    const rows = plays.flatMap(({ samples }) =>
      samples.map(({ atMs, labels, ...sample }, index) => {
        // Written by several, in whatever order they have them.
        const shuffled = index % 2 === 0 ? labels : Object.fromEntries(Object.entries(labels).reverse());
        return `${JSON.stringify({ ...sample, labels: shuffled, time: new Date(atMs).toISOString(), emitter: 'test', partition: 0, seq: index })}\n`;
      }),
    );
    await engine.insert({ table: 'health_samples', rows: [Buffer.from(rows.join(''))], settings: {} });
  });
  afterAll(() => engine.close());

  it.each(figureAlerts)(
    '$id says what the evaluation over samples says, of every set of labels',
    async ({ question }) => {
      for (const { seed, atMs, samples } of plays) {
        const readings = evaluateFigures(question, windowOver(samples), atMs);
        const rows = await selectRows<Row>(engine.reader, questionSql(question, { at: instant(atMs) }));
        const answered = rows.map((row) => [labelsOf(row), Number(row.value)] as const);
        const firing = answered.filter(([, value]) => isBeyond(value, question.bound));
        const expected = readings.map(({ labels, value }) => [labels, value] as const);
        const expectedFiring = readings.filter(({ isFiring }) => isFiring);
        expect(inOrder(firing), `seed ${seed}`).toEqual(inOrder(expectedFiring.map((one) => [one.labels, one.value])));
        // While what it depends on does not hold, SQL has no rows at all.
        if (rows.length > 0) expect(inOrder(answered), `seed ${seed}`).toEqual(inOrder(expected));
      }
    },
  );

  it.each(rawStatements)('$name gives Grafana texts and one number', async ({ sql }) => {
    const rows = await selectRows<Row>(engine.reader, sql);
    const described = await selectRows<{ name: string; type: string }>(engine.reader, `DESCRIBE (${sql})`);
    const types = described.map(({ type }) => type.replace(/^LowCardinality\((.*)\)$/, '$1'));
    expect(types.filter((type) => type === 'Float64' || /^U?Int\d+$/.test(type)).length).toBe(1);
    expect(types.filter((type) => type === 'String').length).toBe(types.length - 1);
    expect(rows.length).toBeLessThanOrEqual(100);
  });

  it.each(ofRunbooks)('the runbook $id asks ClickHouse what it can answer', async ({ sql }) => {
    await expect(selectRows<Row>(engine.reader, sql)).resolves.toBeDefined();
  });

  it('is asked of plays in which alerts fire, are well, and have no answer', () => {
    const seen = new Set<string>();
    for (const { question } of figureAlerts) {
      for (const { samples, atMs } of plays) {
        const readings = evaluateFigures(question, windowOver(samples), atMs);
        if (readings.length === 0) seen.add('no answer');
        for (const { isFiring } of readings) seen.add(isFiring ? 'fires' : 'well');
      }
    }
    expect(seen).toEqual(new Set(['no answer', 'fires', 'well']));
  });
});
