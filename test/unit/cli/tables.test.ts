import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Block } from '../../../src/blocklist/block.ts';
import { personaTable } from '../../../src/cli/demo-screen.ts';
import { tableOf } from '../../../src/cli/doctor.ts';
import type { PersonaState } from '../../../src/demo/demo.ts';
import { personas } from '../../../src/demo/personas.ts';

const widthOf = (table: string): number =>
  Math.max(...table.split('\n').map((line) => stripVTControlCharacters(line).length));

describe('the table of the demo', () => {
  const states: PersonaState[] = personas.map((persona) => ({
    persona,
    requests: 12_345,
    outcomes: { allowed: 123, denied: 12_222, blocked: 0 },
    failed: 0,
    block: { rule: 'login-stuffing' } as Block,
  }));

  it.each([80, 100, 120, 200])('fits a terminal of %i columns', (columns) => {
    expect(widthOf(personaTable(states, columns))).toBeLessThanOrEqual(columns);
  });

  it('leaves the behaviours out where there is no room for them, and shortens nothing where there is', () => {
    expect(personaTable(states, 80)).not.toContain('behaviour');
    const wide = personaTable(states, Number.POSITIVE_INFINITY);
    for (const { about } of personas) expect(wide).toContain(about);
  });
});

describe('the table of the doctor', () => {
  const message = 'kafka://127.0.0.1:9092 does not answer. Check address, credentials and that it runs: '.repeat(2);
  const checks = [{ subject: 'topic tidegate.dead-letters', state: 'warn', message }] as const;

  it.each([80, 130])('wraps between words on a terminal of %i columns', async (columns) => {
    const table = await tableOf(checks, columns);
    expect(widthOf(table)).toBeLessThanOrEqual(columns);
    for (const word of message.trim().split(' ')) expect(table).toContain(word);
  });

  it('cuts nothing off a path that is longer than a line', async () => {
    const path = `/srv/${'a-long-folder/'.repeat(8)}policies.yaml`;
    const table = await tableOf([{ subject: 'policies', state: 'ok', message: `${path}: 2 policies` }], 80);
    expect(widthOf(table)).toBeLessThanOrEqual(80);
    expect(table.replaceAll(/[\s│]/g, '')).toContain(path);
  });

  it('keeps messages in one piece where nobody looks', async () => {
    expect(await tableOf(checks, undefined)).toContain(message.trim());
  });
});
