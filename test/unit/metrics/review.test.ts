import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { instrument } from '../../../src/metrics/instrument.ts';
import { collectedMetrics } from '../../support/collected-metrics.ts';

it('demotions of rules, and looks at their precision that failed, are counted', async () => {
  const { meterProvider, numberOf } = collectedMetrics();
  const measuring = instrument({ meterProvider, clock: new ManualClock() });
  measuring.observeLearning({ stats: () => ({ demotions: 2, failures: 3 }) });
  expect(await numberOf('tidegate.review.demotions')).toBe(2);
  expect(await numberOf('tidegate.review.failures')).toBe(3);
});
