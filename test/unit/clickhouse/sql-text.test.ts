import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderTemplate, splitStatements } from '../../../src/clickhouse/sql-text.ts';

describe('splitting a file into statements', () => {
  it('ends a statement at a semicolon and nowhere else', () => {
    expect(splitStatements('SELECT 1; SELECT 2\n;\n\nSELECT 3')).toEqual(['SELECT 1', 'SELECT 2', 'SELECT 3']);
    expect(splitStatements(' ;; \n')).toEqual([]);
  });

  it.each([
    ["SELECT 'a;b'", 'a text'],
    ["SELECT 'it''s; fine'", 'a doubled quote'],
    ["SELECT 'it\\'s; fine'", 'an escaped quote'],
    ["SELECT 'ends with \\\\'", 'an escaped backslash'],
    ['SELECT "a;b", `c;d`', 'a quoted name'],
    ['SELECT $$a;b$$, $x$c;$$;d$x$', 'a heredoc'],
  ])('keeps %s whole: %s', (statement) => {
    expect(splitStatements(`${statement}; SELECT 2`)).toEqual([statement, 'SELECT 2']);
  });

  it.each([
    ["-- a comment; with a quote'\nSELECT 1", 'SELECT 1'],
    ["SELECT /* ; ' */ 1", 'SELECT   1'],
    ["SELECT '-- no comment', '/* nor this */'", "SELECT '-- no comment', '/* nor this */'"],
  ])('leaves comments out, and only comments: %s', (text, statement) => {
    expect(splitStatements(text)).toEqual([statement]);
  });

  it.each(["SELECT 'open; SELECT 2", 'SELECT `open', 'SELECT 1 /* open; SELECT 2'])(
    'refuses what is never closed: %s',
    (text) => {
      expect(() => splitStatements(text)).toThrow(/never closed/);
    },
  );

  it('gives back any texts that were joined by semicolons', () => {
    const literal = fc.string().map((text) => `SELECT '${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`);
    fc.assert(
      fc.property(fc.array(literal, { minLength: 1 }), (statements) => {
        expect(splitStatements(statements.join(';'))).toEqual(statements);
      }),
    );
  });
});

describe('the template of a migration', () => {
  const options = { rawTtlDays: 30, minuteTtlDays: 400, dedupWindow: 77 };

  it('fills in how long rows are kept and how many blocks are remembered', () => {
    expect(renderTemplate('{{rawTtl}} {{minuteTtl}} {{dedupWindow}}', options)).toBe(
      'TTL toDateTime(time) + toIntervalDay(30) TTL toDateTime(minute) + toIntervalDay(400) non_replicated_deduplication_window = 77',
    );
  });

  it('leaves the clause out where rows are kept for ever', () => {
    expect(renderTemplate('[{{rawTtl}}]', { ...options, rawTtlDays: 0 })).toBe('[]');
  });

  it('makes one text for a single server and for the replicas of a cluster', () => {
    const text = 'CREATE TABLE a{{onCluster}} ENGINE = {{replicated}}MergeTree SETTINGS {{dedupWindow}}';
    expect(renderTemplate(text, options)).toBe(
      'CREATE TABLE a ENGINE = MergeTree SETTINGS non_replicated_deduplication_window = 77',
    );
    expect(renderTemplate(text, { ...options, cluster: '{cluster}' })).toBe(
      "CREATE TABLE a ON CLUSTER '{cluster}' ENGINE = ReplicatedMergeTree SETTINGS replicated_deduplication_window = 77, replicated_deduplication_window_seconds = 604800",
    );
  });

  it.each(["a' b", '', 'a;b', 'a b'])('refuses a cluster that no server could have: "%s"', (cluster) => {
    expect(() => renderTemplate('{{onCluster}}', { ...options, cluster })).toThrow(/cluster/);
  });

  it('refuses a placeholder that nobody fills', () => {
    expect(() => renderTemplate('{{database}}', options)).toThrow(/\{\{database\}\}/);
  });
});
