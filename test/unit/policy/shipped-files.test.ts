import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../../src/detect/rules.ts';
import { compilePolicies } from '../../../src/policy/match.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import { algorithms, scopeParts } from '../../../src/policy/policy.ts';

const folder = new URL('../../../policies/', import.meta.url);
const files = readdirSync(folder);
const textOf = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const areRules = (name: string): boolean => name.endsWith('rules.yaml');

describe('the files in policies/', () => {
  it.each(files.filter((name) => !areRules(name)))('%s is valid, and nothing in it is hardly meant', (name) => {
    const { policies, warnings } = parsePolicies(textOf(name));
    expect(policies.length).toBeGreaterThan(0);
    expect(warnings).toEqual([]);
  });

  it.each(files.filter(areRules))('%s is valid', (name) => {
    expect(() => parseRules(textOf(name))).not.toThrow();
  });

  it('show every algorithm and every part of a scope', () => {
    const { policies } = parsePolicies(textOf('hierarchy.yaml'));
    expect(new Set(policies.map(({ algorithm }) => algorithm))).toEqual(new Set(algorithms));
    expect(new Set(policies.flatMap(({ scope }) => scope))).toEqual(new Set(scopeParts));
    expect(policies.some(({ scope }) => scope.length === 0)).toBe(true);
  });

  it.each([
    ['free', 'other', 'client-usual'],
    ['pro', 'other', 'client-pro'],
    ['free', 'acme', 'client-migration'],
    ['pro', 'acme', 'client-migration'],
  ])('let the plan %s of the tenant %s have the limit %s', (plan, tenant, expected) => {
    const { policies } = parsePolicies(textOf('hierarchy.yaml'));
    const subject = { method: 'GET', path: '/', tenant, plan, client: { kind: 'key', id: 'k' } } as const;
    const found = compilePolicies({ policies })(subject).filter(
      ({ group, mode }) => group !== null && mode === 'enforce',
    );
    expect(found.map(({ name }) => name)).toEqual([expected]);
  });
});
