import { describe, expect, it } from 'vitest';
import { judge, literal } from '../../../../src/embedded/clickhouse-http/statement.ts';

const tableFunctions = new Set(['file', 'url', 'numbers', 'format', 'merge', 'view', 'sqlite']);
const judged = (sql: string, params: Record<string, string> = {}) =>
  judge(sql, { params: new Map(Object.entries(params)), tableFunctions });

describe('a statement in the rendering of the engine', () => {
  it.each([
    'SELECT 1',
    "SELECT 'file(x) INTO OUTFILE system.users SETTINGS a = 1' FROM t",
    "SELECT 'it\\'s file(' AS a, `INTO OUTFILE 'x'` FROM t",
    'WITH 1 AS x SELECT x FROM numbers(3)',
    "SELECT format('{}', a) FROM t",
    '(SELECT 1) UNION ALL (SELECT 2)',
    'SHOW TABLES',
    "SHOW SETTINGS LIKE 'max%'",
    'DESCRIBE TABLE t',
    'EXPLAIN SELECT count() FROM t',
    'EXISTS TABLE t',
    'SELECT name FROM system.tables',
    'SELECT settings, outfile FROM t WHERE settings = 1',
    'SELECT profile, files FROM t',
  ])('may be %s', (sql) => {
    expect(judged(sql).sql).toBe(sql);
  });

  it.each([
    ['INSERT INTO t FORMAT Values', 'READONLY'],
    ['SYSTEM STOP MERGES', 'READONLY'],
    ['KILL QUERY WHERE 1 ASYNC', 'READONLY'],
    ['SET readonly = 0', 'READONLY'],
    ['USE system', 'READONLY'],
    ["SELECT 1 INTO OUTFILE 'x'", 'READONLY'],
    ['SELECT 1 SETTINGS max_threads = 1', 'READONLY'],
    ['SELECT * FROM (SELECT 1 SETTINGS `max_threads` = 1)', 'READONLY'],
    ['SELECT 1 PARALLEL WITH DROP TABLE t', 'READONLY'],
    ["SELECT file('x')", 'ACCESS_DENIED'],
    ["SELECT `file`('x')", 'ACCESS_DENIED'],
    ["SELECT '\\'', FILE('x')", 'ACCESS_DENIED'],
    ["SELECT `a\\`b`, file('x')", 'ACCESS_DENIED'],
    ['SELECT * APPLY(file) FROM t', 'ACCESS_DENIED'],
    ["SELECT * FROM url('x')", 'ACCESS_DENIED'],
    ["SELECT * FROM `url`('x')", 'ACCESS_DENIED'],
    ["DESCRIBE TABLE sqlite('x', 't')", 'ACCESS_DENIED'],
    ['SELECT * FROM system.processes', 'ACCESS_DENIED'],
    ['SELECT * FROM `system`.`disks`', 'ACCESS_DENIED'],
    ['SHOW PROCESSLIST', 'ACCESS_DENIED'],
  ])('must not be %s', (sql, name) => {
    expect(() => judged(sql)).toThrow(new RegExp(`\\(${name}\\)$`));
  });

  it('says its format and whether the engine can hand it over in pieces', () => {
    expect(judged('SELECT 1 FORMAT JSONEachRow')).toMatchObject({ format: 'JSONEachRow', canStream: true });
    expect(judged('SHOW TABLES FORMAT JSON')).toMatchObject({ format: 'JSON', canStream: false });
    expect(judged("SELECT 'x FORMAT CSV'")).toMatchObject({ format: null, canStream: true });
  });

  it('is judged with the names that its parameters are', () => {
    const sql = 'SELECT * FROM {t:Identifier}';
    expect(judged(sql, { t: 'notes' }).sql).toBe(sql);
    expect(() => judged(sql, { t: 'system.processes' })).toThrow(/ACCESS_DENIED/);
    expect(() => judged(sql, { t: '/etc/passwd' })).toThrow(/BAD_ARGUMENTS/);
    expect(() => judged(sql)).toThrow(/UNKNOWN_QUERY_PARAMETER/);
    expect(judged("SELECT {s:String}, '{not:Identifier}'", { s: "file('x')" }).format).toBeNull();
  });
});

describe('a text in SQL', () => {
  it.each([
    ["it's", "'it\\'s'"],
    ['a\\', "'a\\\\'"],
    ["\\'", "'\\\\\\''"],
  ])('%s ends where it ends', (text, quoted) => {
    expect(literal(text)).toBe(quoted);
  });
});
