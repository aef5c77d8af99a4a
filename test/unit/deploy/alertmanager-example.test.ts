import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { prometheusNameOf } from '../../../src/alert/alert-name.ts';
import { alertCatalogue } from '../../../src/alert/catalogue/catalogue.ts';
import { repositoryRoot } from '../../support/source-text.ts';

type Labels = Readonly<Record<string, string>>;
interface Inhibition {
  readonly source_matchers: readonly string[];
  readonly target_matchers: readonly string[];
  readonly equal?: readonly string[];
}

const { inhibit_rules: inhibitions } = parse(
  readFileSync(join(repositoryRoot, 'dashboards/prometheus/alertmanager.example.yml'), 'utf8'),
) as { readonly inhibit_rules: readonly Inhibition[] };

const matches = (matchers: readonly string[], labels: Labels): boolean =>
  matchers.every((matcher) => {
    const [, name = '', sign, wanted = ''] = /^(\w+)(=~?)"(.*)"$/.exec(matcher) ?? [];
    const value = labels[name] ?? '';
    return sign === '=~' ? new RegExp(`^(?:${wanted})$`).test(value) : value === wanted;
  });

/** As Alertmanager does it: what is held back holds others back all the same, and a label that is missing is empty. */
const holdsBack = (source: Labels, target: Labels): boolean =>
  inhibitions.some(
    ({ source_matchers, target_matchers, equal = [] }) =>
      matches(source_matchers, source) &&
      matches(target_matchers, target) &&
      equal.every((name) => (source[name] ?? '') === (target[name] ?? '')),
  );

const toldOf = (alerts: readonly Labels[]): string[] =>
  alerts
    .filter((target) => !alerts.some((source) => source !== target && holdsBack(source, target)))
    .map(({ alertname }) => alertname ?? '');

const named = (name: string, labels: Labels = {}): Labels => ({ alertname: `Tidegate${name}`, ...labels });

describe('the example for Alertmanager', () => {
  it('names alerts that exist', () => {
    const known = alertCatalogue.map(({ id }) => prometheusNameOf(id));
    const names = inhibitions
      .flatMap(({ source_matchers, target_matchers }) => [...source_matchers, ...target_matchers])
      .flatMap((matcher) => [...matcher.matchAll(/Tidegate\w+/g)].map(([name]) => name));
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(['instance', 'process'])('tells once of a Redis that is away, to whoever names a process by its %s', (by) => {
    const one = { [by]: 'a' };
    const away = [
      named('StoreBreakerOpen', one),
      named('BlockListOld', one),
      named('DegradedDecisions'),
      named('StoreLatency'),
      named('DeadlineBudget'),
    ];
    expect(toldOf(away)).toEqual(['TidegateStoreBreakerOpen']);
  });

  it('tells of a process that hears of no blocks although another one has lost its store', () => {
    const apart = [named('StoreBreakerOpen', { instance: 'a' }), named('BlockListOld', { instance: 'b' })];
    expect(toldOf(apart)).toEqual(['TidegateStoreBreakerOpen', 'TidegateBlockListOld']);
  });

  it('has no two alerts that hold each other back: nobody would be told of either', () => {
    const all = alertCatalogue.map(({ id }) => ({ alertname: prometheusNameOf(id), dimension: 'all', name: 'all' }));
    const pairs = all.flatMap((one) => all.filter((other) => holdsBack(one, other) && holdsBack(other, one)));
    expect(pairs).toEqual([]);
  });
});
