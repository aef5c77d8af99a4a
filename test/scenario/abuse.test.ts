import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PartitionDetector } from '../../src/detect/partition-detector.ts';
import { parseRules } from '../../src/detect/rules.ts';
import { parsePolicies } from '../../src/policy/parse.ts';
import { play } from '../support/play.ts';
import { scenarios } from './abuse-scenarios.ts';

const shipped = (name: string): string => readFileSync(new URL(`../../policies/${name}`, import.meta.url), 'utf8');

const settings = {
  real: { policies: parsePolicies(shipped('policies.yaml')), rules: parseRules(shipped('rules.yaml')).rules },
  demo: { policies: parsePolicies(shipped('demo-policies.yaml')), rules: parseRules(shipped('demo-rules.yaml')).rules },
};

/** Where in a window the first request falls must not decide who is blocked. */
const startsMs = [0, 1300, 2900, 4700, 31_000, 58_500];

describe('the shipped rules', () => {
  it.each(scenarios)('$name', ({ actors, blocks, demo }) => {
    const { policies, rules } = demo ? settings.demo : settings.real;
    for (const startMs of startsMs) {
      const detector = new PartitionDetector({ partition: 0, rules, fromOffset: 0 });
      const { verdicts } = play({ actors, policies, detector, startMs });
      const blocked = Object.fromEntries(verdicts.map(({ subject, rule }) => [subject.id, rule]));
      expect(blocked, `started ${startMs} ms into a minute`).toEqual(blocks);
    }
  });
});
