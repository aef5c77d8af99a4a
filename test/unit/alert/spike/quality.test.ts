import { describe, expect, it } from 'vitest';
import { alertQualityPage, keptAlertQuality } from '../../../../docs/alert-quality-page.ts';
import { measureCauses } from '../../../support/alert-quality/causes.ts';
import { detectors } from '../../../support/alert-quality/detectors.ts';
import { causeTrials, noisyKinds, spikeKinds, trialsOfAKind } from '../../../support/alert-quality/measure.ts';
import { measureSpikes } from '../../../support/alert-quality/spikes.ts';

const again = 'npx tsx docs/measure-alert-quality.ts [LOG …], then npm run docs';

describe('the figures of the page on the quality of alerts', () => {
  const kept = keptAlertQuality();

  it('are of the detectors and kinds of spikes that are measured', () => {
    expect(kept.detectors, again).toEqual(detectors.map(({ name }) => name));
    expect(
      kept.spikes.map(({ trials, found, ...kind }) => kind),
      again,
    ).toEqual(spikeKinds);
    expect(
      kept.noisy.map(({ trials, found, ...kind }) => kind),
      again,
    ).toEqual(noisyKinds);
  });

  it('come out the same when some of the spikes are measured again', () => {
    const some = kept.spikes.filter(({ decidedPerMinute, factor }) => decidedPerMinute <= 200 && factor === 3);
    expect(some).toHaveLength(2);
    for (const { trials, found, ...kind } of some) {
      const [ours] = measureSpikes(kind, trialsOfAKind, detectors.slice(0, 1)).found;
      expect(ours, again).toEqual(found[0]);
    }
  });

  it('come out the same for causes', () => {
    expect(measureCauses(causeTrials), again).toEqual(kept.confusion);
  });

  it('meet the aim from 100 denials a minute on, and say that they miss it below', () => {
    const aimed = kept.spikes.filter(({ factor, durationSeconds }) => factor >= 3 && durationSeconds >= 120);
    const clear = aimed.filter(
      ({ decidedPerMinute, share, factor }) => decidedPerMinute * share * factor >= 100 - 1e-9,
    );
    expect(clear.length).toBeGreaterThan(10);
    for (const { found, trials } of clear) expect((found[0]?.within2 ?? 0) / trials).toBe(1);
    expect(alertQualityPage()).toContain('missed at its edge');
  });
});
