const text = 'text/plain; charset=UTF-8';
const json = 'application/json; charset=UTF-8';
const ndjson = 'application/x-ndjson; charset=UTF-8';
const tsv = 'text/tab-separated-values; charset=UTF-8';
const csv = 'text/csv; charset=UTF-8';
const bytes = 'application/octet-stream';

/** Whose pieces, one after the other, are the whole: no head, no foot, no numbering. */
const streamable = new Set([
  'CSV',
  'JSONCompactEachRow',
  'JSONCompactStringsEachRow',
  'JSONEachRow',
  'JSONLines',
  'JSONStringsEachRow',
  'MsgPack',
  'NDJSON',
  'Native',
  'RowBinary',
  'TSKV',
  'TSV',
  'TSVRaw',
  'TabSeparated',
  'TabSeparatedRaw',
]);

export const canStreamFormat = (format: string): boolean => streamable.has(format);

/** What a client is told that a format is. */
export const contentTypeOf = (format: string): string => {
  if (/^(?:JSON\w*EachRow\w*|JSONLines|NDJSON)$/.test(format)) return ndjson;
  if (format.startsWith('JSON')) return json;
  if (/^(?:TSV|TabSeparated|TSKV)/.test(format)) return tsv;
  if (format.startsWith('CSV')) return csv;
  if (format === 'XML') return 'application/xml; charset=UTF-8';
  if (/^(?:Native|RowBinary|Parquet|Arrow|ORC|MsgPack|Avro|BSON|Npy|RawBLOB)/.test(format)) return bytes;
  return text;
};

export const isFormatName = (name: string): boolean => /^[A-Za-z]\w{0,63}$/.test(name);
