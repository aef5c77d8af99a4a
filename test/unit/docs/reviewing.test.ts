import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RoleLimits, roleLimits } from '../../../src/review/limits.ts';
import { roles } from '../../../src/review/roles.ts';
import { repositoryRoot } from '../../support/source-text.ts';

const page = readFileSync(join(repositoryRoot, 'docs/guides/reviewing.md'), 'utf8');

const count = (value: number): string => (value === 0 ? '–' : value.toLocaleString('en-US'));
const days = (ms: number): string => (ms === 0 ? '–' : `${ms / 86_400_000} d`);
const yes = (may: boolean): string => (may ? 'yes' : '–');
const widest = ({ blocksAtOnce, widestV4, widestV6 }: RoleLimits): string => {
  if (blocksAtOnce === 0) return '–';
  return widestV4 === 0 ? 'any' : `/${widestV4}, /${widestV6}`;
};

/** Every limit there is, in words. */
const rows: readonly [string, (limits: RoleLimits) => string, readonly (keyof RoleLimits)[]][] = [
  ['blocks that one change may be about', (of) => count(of.blocksAtOnce), ['blocksAtOnce']],
  ['end of a block, at most from now', (of) => days(of.blockMs), ['blockMs']],
  ['end of a block that two people agree on', (of) => days(of.blockWithSecondMs), ['blockWithSecondMs']],
  ['end of an allow entry, at most from now', (of) => days(of.allowMs), ['allowMs']],
  ['how long a lift may keep the detector away', (of) => days(of.tombstoneMs), ['tombstoneMs']],
  ['widest network', widest, ['widestV4', 'widestV6']],
  ['allow networks', (of) => yes(of.mayAllowNetworks), ['mayAllowNetworks']],
  ['lift an imported list', (of) => yes(of.mayLiftLists), ['mayLiftLists']],
  ['undo what others did', (of) => yes(of.mayUndoOthers), ['mayUndoOthers']],
  ['agree to what needs two people', (of) => yes(of.mayApprove), ['mayApprove']],
  ['set the mode of a rule', (of) => yes(of.maySetRuleModes), ['maySetRuleModes']],
  ['reset a breaker', (of) => yes(of.mayResetBreakers), ['mayResetBreakers']],
  ['switch blocks or limits off', (of) => yes(of.maySwitch), ['maySwitch']],
  ['make tokens', (of) => yes(of.mayIssueTokens), ['mayIssueTokens']],
  ['import lists', (of) => yes(of.mayImportLists), ['mayImportLists']],
];

describe('the guide to reviewing', () => {
  it('says of every limit what the code says', () => {
    const lines = rows.map(
      ([what, text]) => `| ${[what, ...roles.map((role) => text(roleLimits[role]))].join(' | ')} |`,
    );
    const table = [`| | ${roles.join(' | ')} |`, '|---|---|---|---|---|', ...lines].join('\n');
    expect(page).toContain(table);
    expect(new Set(rows.flatMap(([, , fields]) => fields))).toEqual(new Set(Object.keys(roleLimits.viewer)));
  });
});
