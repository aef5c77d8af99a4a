import { exception } from './exception.ts';

/** What one query may use. */
export interface ReadLimits {
  /** How long a query may run, seconds. */
  readonly maxSeconds: number;
  readonly maxMemoryBytes: number;
  readonly maxThreads: number;
  /** Of a result that has to be made as a whole before its first byte can be sent. */
  readonly maxWholeRows: number;
  readonly maxWholeBytes: number;
}

/** A limit that a client may lower. 0 and more than ours mean ours. */
const limitNames = new Set([
  'max_execution_time',
  'max_memory_usage',
  'max_threads',
  'max_result_rows',
  'max_result_bytes',
  'max_rows_to_read',
  'max_bytes_to_read',
  'max_block_size',
]);

/** How results look and how times are read; nothing that reads, writes or costs. */
const lookPattern =
  /^(?:output_format_(?!schema)\w+|date_time_output_format|bool_(?:true|false)_representation|format_csv_(?:delimiter|null_representation)|format_tsv_null_representation|session_timezone|join_use_nulls|group_by_use_nulls|aggregate_functions_null_for_empty|transform_null_in|limit|offset|result_overflow_mode)$/;

/** Of the interface, not of the engine; or asking for what is so anyway. */
const ignored = new Set([
  'add_http_cors_header',
  'allow_experimental_analyzer',
  'async_insert',
  'buffer_size',
  'cancel_http_readonly_queries_on_client_close',
  'close_session',
  'client_protocol_version',
  'database',
  'default_format',
  'enable_http_compression',
  'framing',
  'http_headers_progress_interval_ms',
  'http_response_buffer_size',
  'http_write_exception_in_output_format',
  'http_zlib_compression_level',
  'log_comment',
  'log_queries',
  'network_compression_method',
  'network_zstd_compression_level',
  'password',
  'priority',
  'query',
  'query_id',
  'quota_key',
  'readonly',
  'send_progress_in_http_headers',
  'send_logs_level',
  'stacktrace',
  'use_query_cache',
  'user',
  'wait_end_of_query',
  'wait_for_async_insert',
]);

/** 0, false and nothing. */
export const isOff = (value: string | undefined): boolean =>
  value === undefined || value === '' || value === '0' || value.toLowerCase() === 'false';

const refused: Readonly<Record<string, string>> = {
  session_id: 'Sessions are not kept: every query has a connection of its own',
  session_check: 'Sessions are not kept: every query has a connection of its own',
  session_timeout: 'Sessions are not kept: every query has a connection of its own',
  role: 'There is one role, that of a reader',
  compress: "Compression in the engine's own blocks is not written; use enable_http_compression",
  decompress: "Compression in the engine's own blocks is not read; use Content-Encoding",
};

/** Lowered, never raised. */
const lowered = (ours: Readonly<Record<string, number>>, name: string, value: string): number | null => {
  const asked = Number(value);
  if (!Number.isFinite(asked) || asked < 0)
    throw exception('CANNOT_PARSE_INPUT_ASSERTION_FAILED', `The setting ${name} is no number`);
  const limit = ours[name] ?? 0;
  if (asked === 0 || (limit > 0 && asked > limit)) return null;
  return asked;
};

/**
 * The settings of one query: ours, lowered and decorated by what its client asks for.
 *
 * @throws Exception READONLY for a setting that a reader may not change, NOT_IMPLEMENTED for what this interface lacks.
 */
export const settingsOf = (
  asked: ReadonlyMap<string, string>,
  limits: ReadLimits,
  isWhole: boolean,
): Map<string, string> => {
  const ours: Record<string, number> = {
    max_execution_time: limits.maxSeconds,
    max_memory_usage: limits.maxMemoryBytes,
    max_threads: limits.maxThreads,
    max_result_rows: isWhole ? limits.maxWholeRows : 0,
    max_result_bytes: isWhole ? limits.maxWholeBytes : 0,
  };
  const settings = new Map(Object.entries(ours).map(([name, value]) => [name, String(value)]));
  for (const [name, value] of asked) {
    if (name.startsWith('param_') || ignored.has(name)) continue;
    const reason = refused[name];
    if (reason !== undefined) {
      if (isOff(value)) continue;
      throw exception('NOT_IMPLEMENTED', `${name}: ${reason}.`);
    }
    if (limitNames.has(name)) {
      const limit = lowered(ours, name, value);
      if (limit !== null) settings.set(name, String(limit));
    } else if (lookPattern.test(name)) settings.set(name, value);
    else throw exception('READONLY', `Cannot modify '${name.slice(0, 64)}' setting in readonly mode.`);
  }
  return settings;
};
