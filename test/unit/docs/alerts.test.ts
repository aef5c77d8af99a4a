import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { alertCatalogue } from '../../../src/alert/catalogue/catalogue.ts';
import { type Instrument, instruments } from '../../../src/metrics/instruments.ts';
import { prometheusLabel, prometheusName } from '../../../src/metrics/prometheus-name.ts';
import { type Selector, selectorsOf } from '../../support/promql.ts';
import { repositoryRoot } from '../../support/source-text.ts';

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');

const guide = read('docs/guides/operating.md');
const section = guide.slice(guide.indexOf('## What to alert on'), guide.indexOf('## Stopping'));
/** Expressions to look at, in the last column of a table. */
const looks = [...section.matchAll(/^\|.*\| `([^`]+)` \|$/gm)].map(([, expr = '']) => expr);

const runbooks = readdirSync(join(repositoryRoot, 'docs/runbooks')).map((file) => ({
  id: file.replace(/\.md$/, ''),
  text: read(join('docs/runbooks', file)),
}));
const panelTitles = readdirSync(join(repositoryRoot, 'dashboards/json')).flatMap((file) => {
  const { panels } = JSON.parse(read(join('dashboards/json', file))) as { panels: readonly { title?: string }[] };
  return panels.map(({ title }) => title);
});
const blocksOf = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code = '']) => code.trim());

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
  it.each(looks)('%s asks for series that exist, in a way that fits them', (expr) => {
    expect(problems(expr)).toEqual([]);
  });

  it('has questions to look at without being told', () => {
    expect(looks.length).toBeGreaterThan(5);
  });

  it('says how many alerts there are: the list, and the one of Prometheus alone', () => {
    expect(section).toContain(`There are ${alertCatalogue.length + 1} alerts`);
  });
});

describe('the runbooks', () => {
  it('are those of the alerts and the one of Prometheus alone: none is missing, none is left over', () => {
    expect(runbooks.map(({ id }) => id).sort()).toEqual([...alertCatalogue.map(({ id }) => id), 'down'].sort());
  });

  it.each(runbooks)('$id says what customers notice, where to look, what to do and how it ends', ({ id, text }) => {
    for (const part of ['**Customers notice:**', '## Look first', '## Do', '**It ends:**', '**The threshold:**']) {
      expect(text).toContain(part);
    }
    expect(text).toContain(`\`${id === 'down' ? 'TidegateDown' : id}\``);
  });

  const spoken: Readonly<Record<number, string>> = {
    2: 'two minutes',
    3: 'three minutes',
    5: 'five minutes',
    15: 'a quarter of an hour',
  };
  const kept = alertCatalogue.filter(({ keepFiringMs }) => keepFiringMs > 0);
  it.each(kept)('$id says how long its alert goes on firing when all is well', ({ id, keepFiringMs }) => {
    const text = runbooks.find((runbook) => runbook.id === id)?.text ?? '';
    const ends = /\*\*It ends:\*\* .*/.exec(text)?.[0];
    expect(ends).toMatch(new RegExp(`${spoken[keepFiringMs / 60_000]} (?:after|later)`));
  });

  it.each(runbooks)('$id asks Prometheus for series that exist', ({ text }) => {
    const questions = blocksOf(text, 'promql').flatMap((code) => code.split('\n'));
    expect(questions.flatMap(problems)).toEqual([]);
  });

  it.each(runbooks)('$id names panels that exist', ({ text }) => {
    const named = [...text.matchAll(/Panels? (.*)/g)].flatMap(([, rest = '']) =>
      [...rest.matchAll(/\*([^*]+)\*/g)].map(([, title = '']) => title),
    );
    expect(named.filter((title) => !panelTitles.includes(title))).toEqual([]);
  });

  it.each(runbooks)('$id leads to pages that exist', ({ text }) => {
    const links = [...text.matchAll(/\]\(([^)#]+\.md)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
    for (const link of links) expect(read(join(dirname('docs/runbooks/x'), link)).length).toBeGreaterThan(0);
  });
});

interface Route {
  readonly receiver: string;
  readonly object_matchers?: readonly (readonly [string, string, string])[];
  readonly routes?: readonly Route[];
}

describe('the notification policy that is opt-in', () => {
  const { policies } = parse(read('dashboards/opt-in/notification-policy.yaml')) as { policies: readonly Route[] };

  it('routes every severity, to the contact point that is there', () => {
    const contacts = parse(read('dashboards/provisioning/alerting/contact-points.yaml')) as {
      contactPoints: readonly { name: string }[];
    };
    const names = contacts.contactPoints.map(({ name }) => name);
    const routes = policies.flatMap((route) => [route, ...(route.routes ?? [])]);
    expect(routes.filter(({ receiver }) => !names.includes(receiver))).toEqual([]);
    const severities = routes.flatMap(({ object_matchers: matchers = [] }) => matchers.map(([, , value]) => value));
    expect(new Set(severities)).toEqual(new Set(alertCatalogue.map(({ severity }) => severity)));
  });

  it('is not mounted with the rest', () => {
    expect(readdirSync(join(repositoryRoot, 'dashboards/provisioning/alerting')).sort()).toEqual([
      'contact-points.yaml',
      'rules.yaml',
    ]);
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
