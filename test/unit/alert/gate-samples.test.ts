import { describe, expect, it } from 'vitest';
import { gateSamples, tellsOfGates } from '../../../src/alert/gate-samples.ts';
import { instruments } from '../../../src/metrics/instruments.ts';
import { prometheusName } from '../../../src/metrics/prometheus-name.ts';
import { gateReport } from '../../support/gate-reports.ts';

const health = {
  bySource: { store: 900, lease: 100 },
  overDeadline: 7,
  storeP50Us: 400,
  storeP99Us: 2500,
  isStoreOpen: true,
};
const embedded = { ...gateReport, gateId: 'orders-1', health };
const numbersOf = (samples: ReturnType<typeof gateSamples>) =>
  new Map(samples.map(({ figure, labels, value }) => [[figure, ...Object.values(labels)].join(' '), value]));

describe('what embedded gates say with their heartbeats', () => {
  it('is told under the names that a scrape of them would have, of the gate', () => {
    const samples = gateSamples([embedded], 5);
    const numbers = numbersOf(samples);
    expect(numbers.get('tidegate_decisions_total allowed')).toBe(977);
    expect(numbers.get('tidegate_decisions_total denied')).toBe(20);
    expect(numbers.get('tidegate_decisions_total blocked')).toBe(3);
    expect(numbers.get('tidegate_gate_decisions_by_source_total lease')).toBe(100);
    expect(numbers.get('tidegate_decisions_over_deadline_total')).toBe(7);
    expect(numbers.get('tidegate_gate_store_latency_p99_seconds')).toBe(0.0025);
    expect(numbers.get('tidegate_store_breaker_open')).toBe(1);
    expect(numbers.get('tidegate_block_list_age_seconds')).toBe(0.2);
    expect(numbers.get('tidegate_info 1.2.3 abc orders gate eu')).toBe(1);
    expect(
      new Set(samples.map(({ process, command, region, atMs }) => [process, command, region, atMs].join())),
    ).toEqual(new Set(['orders-1,gate,eu,5']));
    const names = new Set<string>(Object.values(instruments).map(prometheusName));
    expect(samples.filter(({ figure }) => !names.has(figure))).toEqual([]);
  });

  it('says nothing where the gate says nothing: of an earlier release, without a list, without a call', () => {
    const quiet = { ...health, storeP50Us: null, storeP99Us: null };
    const { health: _, ...older } = { ...embedded, blockListAgeMs: null };
    expect(
      [...numbersOf(gateSamples([older], 5)).keys()].filter((name) => /age|source|store|deadline/.test(name)),
    ).toEqual([]);
    const figures = gateSamples([{ ...embedded, health: quiet }], 5).map(({ figure }) => figure);
    expect(figures.filter((name) => name.includes('latency'))).toEqual([]);
  });

  it('is not told of the gates of tidegate itself, which publish all of it', () => {
    const own = ['up', 'serve'].map((service) => ({ ...embedded, service }));
    expect(gateSamples(own, 5)).toEqual([]);
  });
});

describe('of all processes that could tell', () => {
  const serve = (gateId: string) => ({ ...embedded, gateId, service: 'serve' });

  it('exactly one does, whichever asks', () => {
    const fleet = [serve('c'), embedded, serve('a'), serve('b')];
    expect(['a', 'b', 'c', 'orders-1'].filter((id) => tellsOfGates(fleet, id))).toEqual(['a']);
  });

  it('none waits for one of an earlier release, which would not', () => {
    const { health: _, ...older } = serve('a');
    expect(tellsOfGates([older, serve('b')], 'b')).toBe(true);
    expect(tellsOfGates([older, serve('b')], 'a')).toBe(false);
  });

  it('one that is not known to live does not', () => {
    expect(tellsOfGates([serve('b')], 'a')).toBe(false);
  });
});
