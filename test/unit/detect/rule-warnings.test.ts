import { describe, expect, it } from 'vitest';
import { ruleWarnings } from '../../../src/detect/rule-warnings.ts';
import { parseRules } from '../../../src/detect/rules.ts';

const nowMs = Date.UTC(2026, 10, 22);
/** Nothing to warn of. */
const sound = `
    mode: enforce
    owner: security
    reviewBy: 2027-03-31
    match: { clientKinds: [key] }
    depth: { denied: 10, deniedShare: 80% }
    windows: { length: 60s, hit: 3, of: 5, overwhelming: { denied: 100, counts: 3 } }
    block: { base: 15m }
`;
const ruleText = (name: string, terms = sound): string => `  - name: ${name}${terms}`;
const warningsOf = (...rules: readonly string[]) =>
  ruleWarnings(parseRules(`version: 1\nrules:\n${rules.join('')}`), nowMs);
const without = (line: RegExp, by = ''): string => sound.replace(line, by);

describe('the warnings on rules', () => {
  it('are none where all is said', () => {
    expect(warningsOf(ruleText('a'))).toEqual([]);
  });

  it.each<[string, string, string]>([
    ['has no owner', without(/ {4}owner.*\n/), 'owner'],
    ['has no review date', without(/ {4}reviewBy.*\n/), 'reviewBy'],
    ['was to be reviewed', without(/2027-03-31/, '2026-11-21'), 'reviewBy'],
    ['refuses addresses that people may share', without(/ {4}match.*\n/), 'shared'],
    ['can never show its precision', `${sound}    precision: { floor: 60%, minLabels: 5 }\n`, 'precision.floor'],
    ['is overwhelmed at once', without(/denied: 100/, 'denied: 10'), 'windows.overwhelming.denied'],
  ])('tell of a rule that %s', (_, terms, path) => {
    expect(warningsOf(ruleText('a', terms)).map((warning) => warning.path)).toEqual([`rules[0].${path}`]);
  });

  it.each<[string, string]>([
    ['with shared terms', `${without(/ {4}match.*\n/)}    shared: { identities: 3, then: suppress }\n`],
    ['with a limit for an action', `${without(/ {4}match.*\n/)}    action: { limit: 9, window: 60s }\n`],
    ['with a canary share', `${without(/ {4}match.*\n/)}    canary: 10%\n`],
    ['without a precision', `${sound}    precision: none\n`],
    ['in shadow', without(/ {4}match.*\n/).replace('enforce', 'shadow')],
  ])('leave addresses alone in a rule %s', (_, terms) => {
    expect(warningsOf(ruleText('a', terms))).toEqual([]);
  });

  it('tell of two rules of one content', () => {
    expect(warningsOf(ruleText('a'), ruleText('b'))).toEqual([
      { path: 'rules[1]', message: 'has the same content as a: leave one of them out' },
    ]);
  });

  it.each<[string, RegExp, string]>([
    ['asks for more', /denied: 10,/, 'denied: 11,'],
    ['asks for a larger share', /80%/, '90%'],
    ['asks for more windows', /hit: 3/, 'hit: 4'],
    ['looks back over fewer', /of: 5/, 'of: 4'],
    ['matches less', /match: \{/, 'match: { tenants: [a],'],
    ['blocks for shorter', /base: 15m/, 'base: 14m'],
    ['asks for it to last', /hit: 3/, 'lasting: 2s, hit: 3'],
    ['asks for evidence', /block: \{/, 'evidence: { denied: 99 }\n    block: {'],
    ['asks for both', /depth:/, 'when: all\n    breadth: { distinctRoutes: 9 }\n    depth:'],
  ])('tell of a rule that adds nothing, because it %s', (_, line, by) => {
    const message = 'adds nothing: a concludes wherever it does, and blocks at least as long';
    expect(warningsOf(ruleText('a'), ruleText('b', without(line, by)))).toEqual([{ path: 'rules[1]', message }]);
  });

  it('keep quiet about a rule that another would cover if it did as much', () => {
    const shadow = sound.replace('enforce', 'shadow');
    expect(warningsOf(ruleText('a', shadow), ruleText('b', without(/denied: 10,/, 'denied: 11,')))).toEqual([]);
    expect(warningsOf(ruleText('a', `${sound}    canary: 5%\n`), ruleText('b', without(/hit: 3/, 'hit: 4')))).toEqual(
      [],
    );
  });

  it.each<[string, RegExp, string]>([
    ['may do more', /base: 15m/, 'base: 16m'],
    ['has other windows', /length: 60s/, 'length: 61s'],
    [
      'asks for less, but more windows',
      /denied: 10, deniedShare: 80% \}\n.*hit: 3/,
      'denied: 9, deniedShare: 80% }\n    windows: { length: 60s, hit: 4',
    ],
    ['is overwhelmed sooner', /denied: 100/, 'denied: 90'],
    ['is switched off', /enforce/, 'off'],
    ['groups others', /depth:/, 'by: client-in-tenant\n    depth:'],
    ['is about breadth', /depth:.*/, 'breadth: { distinctRoutes: 9 }'],
  ])('keep quiet about a rule beside another that %s', (_, line, by) => {
    // Neither covers the other but where the terms say so, which is only one way round.
    const found = warningsOf(ruleText('a'), ruleText('b', without(line, by)));
    expect(found.filter(({ path }) => path === 'rules[1]')).toEqual([]);
  });
});
