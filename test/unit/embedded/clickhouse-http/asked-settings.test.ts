import { describe, expect, it } from 'vitest';
import { isOff, type ReadLimits, settingsOf } from '../../../../src/embedded/clickhouse-http/asked-settings.ts';

const limits: ReadLimits = {
  maxSeconds: 30,
  maxMemoryBytes: 1000,
  maxThreads: 2,
  maxWholeRows: 10,
  maxWholeBytes: 100,
};
const settings = (asked: Record<string, string>, isWhole = true) =>
  Object.fromEntries(settingsOf(new Map(Object.entries(asked)), limits, isWhole));

describe('the settings of a query', () => {
  it('are ours where its client says nothing; a result in pieces has no size', () => {
    const ours = { max_execution_time: '30', max_memory_usage: '1000', max_threads: '2' };
    expect(settings({})).toEqual({ ...ours, max_result_rows: '10', max_result_bytes: '100' });
    expect(settings({}, false)).toEqual({ ...ours, max_result_rows: '0', max_result_bytes: '0' });
  });

  it('can be lowered, and neither raised nor lifted', () => {
    expect(settings({ max_execution_time: '5' })).toMatchObject({ max_execution_time: '5' });
    for (const raised of ['0', '31', '1e9', '30.0001', '']) {
      expect(settings({ max_execution_time: raised }), raised).toMatchObject({ max_execution_time: '30' });
    }
    expect(settings({ max_result_rows: '5' }, false)).toMatchObject({ max_result_rows: '5' });
    for (const odd of ['-1', 'x', 'NaN', 'Infinity']) {
      expect(() => settings({ max_threads: odd }), odd).toThrow(/^Code: 27\./);
    }
  });

  it('take how results look, and what Grafana and the official clients send along', () => {
    const asked = { output_format_json_quote_64bit_integers: '1', limit: '7', session_timezone: 'UTC' };
    expect(settings(asked)).toMatchObject(asked);
    const along = {
      ...{ query_id: 'x', default_format: 'Native', client_protocol_version: '54460', database: 'default' },
      ...{ enable_http_compression: '1', wait_end_of_query: '1', send_progress_in_http_headers: '1', param_x: '1' },
      ...{ http_headers_progress_interval_ms: '110000', compress: '0', readonly: '2' },
    };
    expect(settings(along)).toEqual(settings({}));
  });

  it.each([
    'format_schema',
    'output_format_schema',
    'format_template_row',
    'max_query_size',
    'allow_ddl',
    'no_such',
    'readonly2',
  ])('do not take %s', (name) => {
    expect(() => settings({ [name]: '1' })).toThrow(/^Code: 164\..*READONLY/);
  });

  it.each(['session_id', 'role', 'compress', 'decompress'])('say that %s is not there', (name) => {
    expect(() => settings({ [name]: '1' })).toThrow(/^Code: 48\./);
  });

  it('are off when they are nothing, 0 or false', () => {
    expect([undefined, '', '0', 'FALSE'].map(isOff)).toEqual([true, true, true, true]);
    expect(['1', 'true', 'x'].map(isOff)).toEqual([false, false, false]);
  });
});
