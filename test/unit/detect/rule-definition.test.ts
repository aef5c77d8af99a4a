import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { definitionOf, hashOfText, notedOf, ruleFromNoted } from '../../../src/detect/rule-definition.ts';
import { RuleNoter } from '../../../src/detect/rule-noter.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { recordingLogger } from '../../support/recording-logger.ts';
import { repositoryRoot } from '../../support/source-text.ts';

const shipped = parseRules(readFileSync(join(repositoryRoot, 'policies/rules.yaml'), 'utf8'));

describe('the definition of a rule', () => {
  it('is what its hash is of, and gives the rule again', () => {
    for (const rule of shipped.rules) {
      expect(hashOfText(definitionOf(rule))).toBe(rule.hash);
      expect(ruleFromNoted({ ...notedOf(rule), notedAtMs: 0 })).toEqual(rule);
    }
  });

  it('that is not what its hash is of gives no rule', () => {
    const [rule] = shipped.rules;
    if (!rule) throw new Error('a rule expected');
    const noted = { ...notedOf(rule), notedAtMs: 0 };
    expect(ruleFromNoted({ ...noted, definition: noted.definition.replace('"hit":', '"hit":1') })).toBeNull();
  });
});

describe('the rules of a process', () => {
  it('are noted when it starts, and again before the book forgets them', async () => {
    const clock = new ManualClock();
    const book = new MemoryBlockList({ clock });
    const noter = new RuleNoter({ rules: shipped, book, clock, logger: recordingLogger() });
    await noter.start();
    const names = shipped.rules.map(({ name }) => name).sort();
    const noted = async () => (await book.notedRules()).map(({ name }) => name).sort();
    expect(await noted()).toEqual(names);
    for (let hour = 0; hour < 30; hour += 1) {
      clock.advance(3_600_001);
      await Promise.resolve();
    }
    await expect.poll(noted).toEqual(names);
    noter.stop();
  });

  it('are noted once the store is back, which keeps nobody from starting', async () => {
    const clock = new ManualClock();
    const logger = recordingLogger();
    let attempts = 0;
    const noteRules = async (): Promise<void> => {
      attempts += 1;
      if (attempts < 3) throw new Error('away');
    };
    const noter = new RuleNoter({ rules: shipped, book: { noteRules }, clock, logger });
    await noter.start();
    expect(attempts).toBe(1);
    clock.advance(1_000);
    await expect.poll(() => attempts).toBe(2);
    await Promise.resolve();
    clock.advance(2_000);
    await expect.poll(() => attempts).toBe(3);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(2);
    noter.stop();
    clock.advance(7_200_000);
    await Promise.resolve();
    expect(attempts).toBe(3);
  });
});
