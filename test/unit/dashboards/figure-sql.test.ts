import { describe, expect, it } from 'vitest';
import { withAlertLine } from '../../../dashboards/alert-bounds.ts';
import {
  figureName,
  increaseOf,
  lastOf,
  nowOf,
  quantilesOfFigure,
  quoted,
  rateOf,
} from '../../../dashboards/figure-sql.ts';
import { linesPanel } from '../../../dashboards/panels.ts';
import { alertCatalogue } from '../../../src/alert/catalogue/catalogue.ts';

describe('questions about figures', () => {
  it('name figures and labels as a scrape does', () => {
    expect(figureName('ingestRows')).toBe('tidegate_ingest_rows_total');
    const sql = lastOf({ figure: 'ingestLag', by: { topic: 'tidegate.topic' } });
    expect(sql).toContain("figure = 'tidegate_ingest_lag'");
    expect(sql).toContain("labels['tidegate_topic'] AS topic");
    expect(quantilesOfFigure({ figure: 'ingestDelay', quantiles: { p50: 0.5 } })).toContain(
      "figure = 'tidegate_ingest_delay_seconds_bucket'",
    );
  });

  it('let no name out of its quotes', () => {
    expect(quoted("'; DROP TABLE\\")).toBe("'\\'; DROP TABLE\\\\'");
    expect(nowOf({ figure: 'ingestLag', where: { 'tidegate.topic': "it's" } })).toContain("IN ('it\\'s')");
  });

  it('read no more than the range and the five minutes before it', () => {
    for (const sql of [
      increaseOf({ figure: 'eventsLost' }),
      rateOf({ figure: 'eventsLost' }),
      lastOf({ figure: 'eventsWaiting' }),
    ]) {
      const reads = sql.match(/FROM health_samples/g)?.length ?? 0;
      expect(sql.match(/time <= \$__toTime/g)?.length).toBe(reads);
      expect(sql.match(/time >= /g)?.length).toBeGreaterThanOrEqual(reads);
    }
  });

  it('show a point of which nobody told as null, unless they are part of another question', () => {
    const question = { figure: 'eventsLost' } as const;
    expect(rateOf(question)).toMatch(/toNullable[\s\S]*WITH FILL/);
    expect(rateOf({ ...question, isPart: true })).not.toContain('WITH FILL');
  });
});

describe('lines of alerts', () => {
  it('begin where the alert that points to the panel does', () => {
    const alert = alertCatalogue.find(({ id }) => id === 'block-list-old');
    const bound =
      alert?.question.kind === 'figures' && 'above' in alert.question.bound ? alert.question.bound.above : null;
    const plain = linesPanel({ title: 'Age', description: 'of the list', unit: 's', sql: 'SELECT 1' });
    const { fieldConfig } = withAlertLine(plain, { on: 'limiter', id: 20, figure: 'blockListAge' }).build();
    expect(fieldConfig?.defaults.thresholds?.steps.map(({ value }) => value)).toEqual([null, bound]);
  });
});
