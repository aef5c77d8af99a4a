import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { prometheusLabelOf, questionPromql } from '../../dashboards/alerts/question-promql.ts';
import { evaluateFigures } from '../../src/alert/figures/evaluate.ts';
import { describeWith } from '../support/engines.ts';
import {
  askedAfterMs,
  figureAlerts,
  type PlayedSeries,
  playedSeries,
  samplesOf,
  stepMs,
  windowOver,
} from '../support/health-plays.ts';
import { promtool } from '../support/promtool.ts';
import { repositoryRoot } from '../support/source-text.ts';

const ofPrometheus = join(repositoryRoot, 'dashboards/prometheus');

const selectorOf = (labels: Readonly<Record<string, string>>, name = ''): string =>
  `${name}{${Object.entries(labels)
    .map(([label, value]) => `${prometheusLabelOf(label)}="${value}"`)
    .join(', ')}}`;

const inputOf = ({ figure, process, labels, values }: PlayedSeries) => ({
  series: selectorOf({ ...labels, process }, figure),
  values: values.map((value) => value ?? '_').join(' '),
});

/** A play and what evaluating it in memory says: which labels fire. */
const testOf = (seed: number) => {
  const series = playedSeries(seed);
  const window = windowOver(samplesOf(series, 0));
  return {
    name: `seed ${seed}`,
    interval: `${stepMs / 1000}s`,
    input_series: series.map(inputOf),
    promql_expr_test: figureAlerts.map(({ question }) => ({
      // Numbers differ, since Prometheus guesses what lies outside of the samples; what fires does not.
      expr: `0 * (${questionPromql(question)}) + 1`,
      eval_time: `${askedAfterMs / 1000}s`,
      exp_samples: evaluateFigures(question, window, askedAfterMs)
        .filter(({ isFiring }) => isFiring)
        .map(({ labels }) => ({ labels: selectorOf(labels), value: 1 })),
    })),
  };
};

describeWith('promtool', 'the rules in Prometheus', (program) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-rules-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are rules', async () => {
    expect(await promtool(program, ['check', 'rules', join(ofPrometheus, 'rules.yml')])).toBe('');
  });

  it('fire in the scenarios that are shipped with them, and only there', async () => {
    expect(await promtool(program, ['test', 'rules', join(ofPrometheus, 'rules.test.yml')])).toBe('');
  });

  it('fire for the labels for which the evaluation over samples fires: gaps, restarts, partitions that change hands', async () => {
    writeFileSync(join(folder, 'none.yml'), 'groups: []\n');
    const tests = [1, 2].map(testOf);
    expect(tests.flatMap((test) => test.promql_expr_test.flatMap((one) => one.exp_samples)).length).toBeGreaterThan(20);
    const file = join(folder, 'plays.yml');
    writeFileSync(file, stringify({ rule_files: ['none.yml'], evaluation_interval: '1m', tests }));
    expect(await promtool(program, ['test', 'rules', file])).toBe('');
  });

  it.skipIf(!existsSync('/usr/bin/amtool'))('go to an Alertmanager whose example is one', () => {
    const example = join(ofPrometheus, 'alertmanager.example.yml');
    expect(execFileSync('/usr/bin/amtool', ['check-config', example], { encoding: 'utf8' })).toContain('SUCCESS');
  });
});
