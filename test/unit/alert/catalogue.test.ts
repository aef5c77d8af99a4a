import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { namesIn } from '../../../dashboards/alerts/summaries.ts';
import { prometheusNameOf } from '../../../src/alert/alert-name.ts';
import { summaryOf } from '../../../src/alert/alert-text.ts';
import { alertCatalogue, pipelineAlerts } from '../../../src/alert/catalogue/catalogue.ts';
import { decisionQuestions, type FigureQuestion, type Term } from '../../../src/alert/definition.ts';
import { figureName } from '../../../src/alert/figures/figure-name.ts';
import { termsOf } from '../../../src/alert/figures/terms-of.ts';
import { alertNumbers } from '../../../src/clickhouse/alert-statements.ts';
import { type Instrument, instruments } from '../../../src/metrics/instruments.ts';
import { prometheusLabel } from '../../../src/metrics/prometheus-name.ts';
import { repositoryRoot } from '../../support/source-text.ts';

const dashboards = join(repositoryRoot, 'dashboards/json');
const panelsOf = new Map(
  readdirSync(dashboards).map((file) => {
    const dashboard = JSON.parse(readFileSync(join(dashboards, file), 'utf8')) as {
      uid: string;
      panels: readonly { id: number; type: string }[];
    };
    return [dashboard.uid, dashboard.panels.filter(({ type }) => type !== 'row').map(({ id }) => id)];
  }),
);

const figureAlerts = alertCatalogue.flatMap(({ id, summary, question }) =>
  question.kind === 'figures' ? [{ id, summary, question }] : [],
);

const instrumentOf = ({ figure }: Term): Instrument => instruments[figure];

const knownLabels = (term: Term): string[] => [
  'process',
  ...instrumentOf(term).attributes.map(prometheusLabel),
  ...(term.part === 'bucket' ? ['le'] : []),
];

const labelsOf = (term: Term, { by }: FigureQuestion): readonly string[] => [
  ...by,
  ...Object.keys({ ...term.where, ...term.unless }),
  ...(term.eachOnce ?? []),
];

describe('the catalogue of alerts', () => {
  it('names each once, as Prometheus and files can', () => {
    const ids = alertCatalogue.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z][a-z0-9-]{0,47}$/.test(id))).toEqual([]);
    expect(ids.map(prometheusNameOf).filter((name) => !/^Tidegate[A-Z]\w+$/.test(name))).toEqual([]);
  });

  it('asks every question about decisions once', () => {
    const asked = alertCatalogue.flatMap(({ question }) => (question.kind === 'decisions' ? [question.name] : []));
    expect(asked.sort()).toEqual([...decisionQuestions].sort());
  });

  it('covers what must never happen', () => {
    const asked = new Set(figureAlerts.flatMap(({ question }) => termsOf(question).map(({ figure }) => figure)));
    for (const figure of [
      ...(['eventsLost', 'logDropped', 'ingestLostRecords', 'ingestMissingRows', 'ingestStoredTwiceRows'] as const),
      ...(['ingestChangedBlocks', 'ingestDeadLetters', 'auditDrift', 'countersLost', 'relayLost'] as const),
    ]) {
      expect(asked, figure).toContain(figure);
    }
  });

  it('names alerts that hold those about decisions back', () => {
    const ids = alertCatalogue.map(({ id }) => id);
    expect(pipelineAlerts.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it.each(alertCatalogue)('$id leads to a panel that exists', ({ dashboard }) => {
    expect(panelsOf.get(dashboard.uid) ?? []).toContain(dashboard.panelId);
  });

  it.each(alertCatalogue)(
    '$id says when, and what brings it about',
    ({ when, likely, summary, forMs, keepFiringMs }) => {
      expect(when.length).toBeGreaterThan(30);
      expect(when.endsWith('.')).toBe(false);
      expect(likely.length).toBeGreaterThan(0);
      expect(summary.length).toBeGreaterThan(20);
      expect(forMs % 1000).toBe(0);
      expect(keepFiringMs % 1000).toBe(0);
    },
  );

  it.each(figureAlerts)('$id asks for figures that exist, in a way that fits them', ({ question }) => {
    for (const term of termsOf(question)) {
      const { kind } = instrumentOf(term);
      const labels = labelsOf(term, term === question.during?.value ? { ...question, by: [] } : question);
      expect(
        labels.filter((label) => !knownLabels(term).includes(label)),
        figureName(term),
      ).toEqual([]);
      expect(term.reading === 'last', figureName(term)).toBe(!['counter', 'histogram'].includes(kind));
      expect(term.part !== undefined, figureName(term)).toBe(kind === 'histogram');
      if (term.part === 'bucket') {
        expect(instrumentOf(term).buckets?.map(String)).toContain(term.where?.['le']);
      }
      // What is kept in memory is an hour.
      expect(term.windowMs).toBeLessThanOrEqual(3_600_000);
    }
  });

  it.each(figureAlerts)('$id takes silence for 0 only where that is one answer', ({ question }) => {
    if (question.whenAbsent !== 'fires') return;
    expect(question.by).toEqual([]);
    expect(question.bound).toHaveProperty('below');
    expect(['sum', 'count']).toContain(question.value.across);
  });

  it.each(decisionQuestions)('%s is told of everybody in words that people say', (id) => {
    const summary = alertCatalogue.find((alert) => alert.id === id)?.summary ?? '';
    const seen = { value: 2, cause: null, numbers: {} };
    const told = summaryOf({ summary, unit: 'share' }, { dimension: 'all', name: 'all' }, seen);
    expect(told).toContain('all decisions');
    expect(told).not.toContain('decisions of all decisions');
  });

  it.each(alertCatalogue)('$id names nothing in its summary that a reading does not have', ({ summary, question }) => {
    const known =
      question.kind === 'figures'
        ? ['value', ...question.by]
        : ['value', 'dimension', 'name', ...alertNumbers[question.name]];
    expect(namesIn(summary).filter((name) => !known.includes(name))).toEqual([]);
  });
});
