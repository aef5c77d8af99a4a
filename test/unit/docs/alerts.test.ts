import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Instrument, instruments } from '../../../src/metrics/instruments.ts';
import { prometheusLabel, prometheusName } from '../../../src/metrics/prometheus-name.ts';
import { type Selector, selectorsOf } from '../../support/promql.ts';
import { repositoryRoot } from '../../support/source-text.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

const guide = readFileSync(join(repositoryRoot, 'docs/guides/operating.md'), 'utf8');
const section = guide.slice(guide.indexOf('## What to alert on'), guide.indexOf('## Stopping'));
const yaml = /^```yaml\n([\s\S]*?)^```$/m.exec(section)?.[1] ?? '';
const alerts = (parse(yaml) as { groups: { rules: Alert[] }[] }).groups.flatMap(({ rules }) => rules);
/** Expressions to look at, in the last column of a table. */
const looks = [...section.matchAll(/^\|.*\| `([^`]+)` \|$/gm)].map(([, expr = '']) => expr);

const series = new Map<string, Instrument>();
for (const instrument of Object.values<Instrument>(instruments)) {
  const name = prometheusName(instrument);
  if (instrument.kind !== 'histogram') series.set(name, instrument);
  else for (const part of ['_bucket', '_sum', '_count']) series.set(`${name}${part}`, instrument);
}

const ofPrometheus = ['instance', 'job', 'le'];

/** What is wrong with a question; '' when nothing is. */
const problemOf = ({ metric, labels, within, keeps }: Selector): string => {
  if (metric === 'up') return '';
  const instrument = series.get(metric);
  if (!instrument) return `there is no ${metric}`;
  const known = [...ofPrometheus, ...instrument.attributes.map(prometheusLabel)];
  const stray = [...labels, ...keeps].filter((label) => !known.includes(label));
  if (stray.length > 0) return `${metric} has no ${stray.join(', ')}`;
  const grows = ['counter', 'histogram'].includes(instrument.kind);
  const asksForGrowth = ['rate', 'increase'].includes(within);
  if (grows !== asksForGrowth) return `${metric} is a ${instrument.kind}: ${within || 'nothing'} is not for it`;
  return '';
};

const problems = (expression: string): string[] =>
  selectorsOf(expression)
    .map(problemOf)
    .filter((problem) => problem !== '');

describe('what to alert on', () => {
  it.each(alerts)('$alert asks for series that exist, in a way that fits them', ({ alert, expr, ...rest }) => {
    expect(problems(expr)).toEqual([]);
    expect(alert).toMatch(/^Tidegate[A-Z]\w+$/);
    expect(rest.for ?? '0m').toMatch(/^\d+m$/);
    expect(['page', 'ticket']).toContain(rest.labels.severity);
    expect(rest.annotations.summary.length).toBeGreaterThan(20);
  });

  it.each(looks)('%s asks for series that exist, in a way that fits them', (expr) => {
    expect(problems(expr)).toEqual([]);
  });

  it('covers what must never happen, and each name once', () => {
    const asked = new Set(alerts.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)));
    const never = [
      'events_lost',
      'log_dropped',
      'ingest_lost_records',
      'ingest_missing_rows',
      'ingest_stored_twice_rows',
    ];
    expect(asked).toContain('tidegate_audit_drift');
    for (const name of [...never, 'ingest_changed_blocks', 'ingest_dead_letters']) {
      expect(asked, name).toContain(`tidegate_${name}_total`);
    }
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    expect(looks.length).toBeGreaterThan(5);
  });
});

describe('the reader of PromQL', () => {
  it.each([
    'sum(rate(a[5m])',
    'rate(a)',
    'a[5m]',
    'sum(a[5m])',
    'a{b=c}',
    'a{b="c"',
    'a >',
    'nothing(a)',
    'a and 1',
    'rate(sum(a)[5m])',
    'a 5m',
    'a b',
    'sum by tenant (a)',
    '$x',
  ])('refuses %s', (expression) => {
    expect(() => selectorsOf(expression)).toThrow();
  });

  it('finds every series of an expression, with what is asked of it', () => {
    expect(selectorsOf('sum by (x) (rate(a_total{b="c"}[5m])) / 2 > 0.5 and on (x) max by (x) (d) == 0')).toEqual([
      { metric: 'a_total', labels: ['b'], within: 'rate', keeps: ['x'] },
      { metric: 'd', labels: [], within: 'max', keeps: ['x'] },
    ]);
  });
});
