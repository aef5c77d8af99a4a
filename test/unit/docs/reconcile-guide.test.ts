import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findingCatalogue } from '../../../src/analytics/audit-findings.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const guide = readFileSync(join(root, 'docs/guides/reconcile.md'), 'utf8');

describe('the guide to reconcile', () => {
  it('says of each finding what the program says of it, drift and notes apart', () => {
    const rows = Object.entries(findingCatalogue).map(([kind, { drift, meaning, next }]) => ({
      drift,
      row: `| \`${kind}\` | ${meaning} | ${next} |`,
    }));
    const [ofDrift = '', ofNotes = ''] = (guide.split('## Findings')[1] ?? '').split('These are worth knowing');
    for (const { drift, row } of rows) expect((drift ? ofDrift : ofNotes).split('\n')).toContain(row);
    expect(guide.match(/^\| `[a-z-]+` \|/gm)).toHaveLength(rows.length);
  });
});
