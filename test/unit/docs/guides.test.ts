import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAlertsFile } from '../../../src/cli/alerts-file.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import { repositoryRoot, type SourceFile, sourceFiles } from '../../support/source-text.ts';

const pages = sourceFiles(
  ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs'],
  ['.md'],
);

/** As readers' sites make them: lower case, words joined by hyphens, punctuation gone. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');

const anchorsOf = (text: string): string[] =>
  [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));

const brokenLinks = ({ path, text }: SourceFile): string[] =>
  [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [file = '', anchor] = link.split('#', 2);
    const target = join(repositoryRoot, dirname(path), file);
    if (file !== '' && !existsSync(target)) return [`${path}: ${link} is no file`];
    if (anchor === undefined || !(file === '' || file.endsWith('.md'))) return [];
    const anchors = anchorsOf(file === '' ? text : readFileSync(target, 'utf8'));
    return anchors.includes(anchor) ? [] : [`${path}: ${link} is no heading`];
  });

const yamlBlocks = pages
  .filter(({ path }) => path.startsWith('docs/guides/') || path === 'README.md')
  .flatMap(({ path, text }) =>
    [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml = ''], index) => ({
      name: `${path} ${index}`,
      yaml,
    })),
  );

/** Read as `tidegate alerts check` does. */
const alertsIn = (yaml: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-guides-'));
  try {
    writeFileSync(join(folder, 'alerts.yaml'), yaml);
    return readAlertsFile(join(folder, 'alerts.yaml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('the guides', () => {
  it('link to files and headings that exist', () => {
    expect(pages.length).toBeGreaterThan(10);
    expect(pages.flatMap(brokenLinks)).toEqual([]);
  });

  it.each(yamlBlocks)('show configuration that is accepted, without a warning: $name', ({ yaml }) => {
    // For Prometheus, which reads it itself.
    if (/^scrape_configs:/m.test(yaml)) return;
    if (/^alerts:/m.test(yaml)) expect(alertsIn(yaml).rules.length).toBeGreaterThan(0);
    else if (/^rules:/m.test(yaml)) expect(parseRules(yaml).rules.length).toBeGreaterThan(0);
    else
      expect(parsePolicies(yaml)).toMatchObject({
        policies: expect.arrayContaining([expect.anything()]),
        warnings: [],
      });
  });

  it('are each linked from the README', () => {
    const readme = pages.find(({ path }) => path === 'README.md')?.text ?? '';
    const guides = pages.map(({ path }) => path).filter((path) => path.startsWith('docs/guides/'));
    expect(guides.filter((path) => !readme.includes(`(${path})`))).toEqual([]);
  });
});

describe('these checks themselves', () => {
  const page = (text: string): SourceFile => ({ path: 'docs/guides/page.md', text });

  it.each(['[a](missing.md)', '[a](blocking.md#no-such-heading)', '![a](../images/none.svg)', '[a](#nowhere)'])(
    'catch %s',
    (text) => {
      expect(brokenLinks(page(text))).toHaveLength(1);
    },
  );

  it.each([
    '[a](blocking.md#a-rule)',
    '[a](../../README.md)',
    '`[a](missing.md)`',
    '[a](https://example.com/x)',
    '# Here\n[a](#here)',
  ])('let pass %s', (text) => {
    expect(brokenLinks(page(text))).toEqual([]);
  });
});
