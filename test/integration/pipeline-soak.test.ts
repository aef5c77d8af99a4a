import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openRunFolder, removeFolder } from '../services/folders.ts';
import { runSoak } from '../soak/soak-run.ts';
import { chdbUrl, describeWith, freshName } from '../support/engines.ts';

describeWith('kafka', 'the pipeline under load', () => {
  it('has every decision of its gates in every table once, whatever dies meanwhile', async (context) => {
    if (chdbUrl() === null) return context.skip('chDB is missing');
    const folder = openRunFolder('short-soak');
    const report = await runSoak({
      folder: join(folder, 'soak'),
      topic: freshName('soak'),
      durationMs: 30_000,
      seed: 7,
      gates: 2,
      share: 0.2,
      faultEveryMs: 2_000,
    });
    expect(report.problems).toEqual([]);
    expect(new Set(Object.values(report.drift))).toEqual(new Set([0]));
    expect(report.stored).toBeGreaterThan(0);
    expect(Object.keys(report.faults).length).toBeGreaterThan(3);
    removeFolder(folder);
  }, 900_000);
});
