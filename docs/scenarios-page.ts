import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Expected, parseExpected } from '../src/replay/scenario-files.ts';

const corpora = fileURLToPath(new URL('../test/scenario/corpora', import.meta.url));

const groups = {
  'must-fire': ['Who must be blocked', 'Each of these does not listen, in a way of its own.'],
  'must-not-fire': ['Who must not be blocked', 'Busy, clumsy or unlucky, but no abuse.'],
  'convicts-innocents': [
    'Evidence that convicts innocents',
    'Denials that say nothing about the client that met them. Nobody is blocked for them.',
  ],
  poisoning: ['Poisoning', 'Who knows the rules, and what that is good for.'],
} as const;

const expectedIn = (folder: string): Expected => {
  const parsed = parseExpected(readFileSync(join(folder, 'expected.json'), 'utf8'));
  if ('value' in parsed) return parsed.value;
  throw new Error(`${folder}: ${parsed.problems.map(({ path, message }) => `${path} ${message}`).join('; ')}`);
};

const listed = (entries: Expected['blocks'], what: string): string[] =>
  (entries ?? []).map(
    ({ subject, rule, action }) => `\`${subject}\` ${action === 'limit' ? 'limited' : what} by \`${rule}\``,
  );

const outcomeOf = (expected: Expected): string => {
  const parts = [
    ...listed(expected.blocks, 'blocked'),
    ...listed(expected.proposed, 'proposed'),
    ...listed(expected.shadow, 'in shadow'),
    ...(expected.suppressed ?? []).map(
      ({ subject, rule, reason }) => `\`${subject}\` suppressed (${reason}) by \`${rule}\``,
    ),
    ...(expected.blocksAtMost === undefined ? [] : [`at most ${expected.blocksAtMost} blocked, the rest proposed`]),
  ];
  return parts.length === 0 ? 'nobody blocked' : parts.join('; ');
};

const row = (group: string, name: string): string => {
  const expected = expectedIn(join(corpora, group, name));
  const cells = [
    `[${name}](../../test/scenario/corpora/${group}/${name})`,
    expected.about ?? '',
    outcomeOf(expected),
    ...(group === 'poisoning' ? [expected.achieves ?? ''] : []),
  ];
  return `| ${cells.join(' | ')} |`;
};

const section = (group: keyof typeof groups): string => {
  const [title, intro] = groups[group];
  const columns = [
    'scenario',
    'what happens',
    'who is blocked',
    ...(group === 'poisoning' ? ['what it achieves'] : []),
  ];
  const rows = readdirSync(join(corpora, group))
    .sort()
    .map((name) => row(group, name));
  return [
    `## ${title}`,
    '',
    intro,
    '',
    `| ${columns.join(' | ')} |`,
    `|${'---|'.repeat(columns.length)}`,
    ...rows,
    '',
  ].join('\n');
};

/** docs/reference/scenarios.md, whole. */
export const scenariosPage = (): string => `# Scenarios

Generated from \`test/scenario/corpora\` by \`npm run docs\`.

What the shipped rules make of these is a test of every release, each scenario begun at several places of a window. Each is a
folder, and yours can stand beside it: \`tidegate rules test FOLDER...\`. What goes into a folder: [the guide](../guides/shadow-to-enforce.md#2-write-down-who-must-and-who-must-not-be-blocked).

${(Object.keys(groups) as (keyof typeof groups)[]).map(section).join('\n')}`;
