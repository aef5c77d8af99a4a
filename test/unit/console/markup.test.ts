import { describe, expect, it } from 'vitest';
import { sourceFiles } from '../../support/source-text.ts';

const written = sourceFiles(['src/console'], ['.ts', '.tsx', '.html']);

/** Ways in which text of the API could become markup, a script or an address of elsewhere. */
const dangerous = [
  /dangerouslySetInnerHTML/,
  /\b(?:inner|outer)HTML\b/,
  /insertAdjacentHTML|document\.write|\beval\s*\(|new Function\b/,
  /\bsrcdoc\b|javascript:/i,
  /\shref=\{(?!hrefOf\w*\()/,
  /\son[a-z]+="/,
  /\sstyle="/,
  /https?:\/\//,
];

const problemsIn = (text: string): string[] =>
  dangerous.filter((pattern) => pattern.test(text)).map((pattern) => pattern.source);

describe('the source of the console', () => {
  it('makes no markup, script, style or address of what the API says, and names no other host', () => {
    expect(written.length).toBeGreaterThan(40);
    const problems = written.map(({ path, text }) => ({ path, problems: problemsIn(text) }));
    expect(problems.filter(({ problems: found }) => found.length > 0)).toEqual([]);
  });

  it.each([
    '<p dangerouslySetInnerHTML={{ __html: note }} />',
    'element.innerHTML = note;',
    '<a href={block.link}>',
    '<p style="color: red">',
    "fetch('https://example.com/')",
  ])('would be caught with %s', (text) => {
    expect(problemsIn(text)).not.toEqual([]);
  });
});
