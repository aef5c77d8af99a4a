import { describe, expect, it } from 'vitest';
import { asOpenMetrics, wantsOpenMetrics } from '../../../src/metrics/open-metrics.ts';

describe('OpenMetrics', () => {
  it('names counters without their ending in what describes them, and ends with EOF', () => {
    const text = [
      '# HELP tidegate_decisions_total Decisions taken. # TYPE it_total counter',
      '# TYPE tidegate_decisions_total counter',
      'tidegate_decisions_total{tidegate_policy="# TYPE a_total counter"} 3',
      '# HELP odd_total A gauge that is called so.',
      '# TYPE odd_total gauge',
      'odd_total 1',
      '',
    ].join('\n');
    expect(asOpenMetrics(text)).toBe(
      [
        '# HELP tidegate_decisions Decisions taken. # TYPE it_total counter',
        '# TYPE tidegate_decisions counter',
        'tidegate_decisions_total{tidegate_policy="# TYPE a_total counter"} 3',
        '# HELP odd_total A gauge that is called so.',
        '# TYPE odd_total gauge',
        'odd_total 1',
        '# EOF',
        '',
      ].join('\n'),
    );
  });

  it('of nothing is nothing but its end', () => {
    expect(asOpenMetrics('# no registered metrics')).toBe('# EOF\n');
  });

  it.each([
    [undefined, false],
    ['*/*', false],
    ['text/plain', false],
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2', true],
    ['Application/OpenMetrics-Text; version=1.0.0', true],
    ['text/plain;version=0.0.4;q=0.6,application/openmetrics-text;q=0.5', false],
    ['application/openmetrics-text;q=0,*/*', false],
    ['application/openmetrics-text;q=much', false],
  ])('is given to who sent %j: %s', (accept, expected) => {
    expect(wantsOpenMetrics(accept)).toBe(expected);
  });
});
