import { canonicalAddress } from '../address.ts';

/** One request of an access log: what a gate needs of it. */
export interface LoggedRequest {
  /** Milliseconds since the epoch; most logs give whole seconds. */
  readonly timeMs: number;
  /** Canonical spelling of the client's address. */
  readonly address: string;
  /** {@link invalidMethod} when the request field is not HTTP. */
  readonly method: string;
  /** Without query, at most {@link maxPathLength} characters; {@link unparsablePath} when the request field is not HTTP. */
  readonly path: string;
}

export type ParsedLine = { readonly request: LoggedRequest } | { readonly rejected: string };

/** The method of a request that is not HTTP: a TLS handshake on a plain port, say. It still came, from someone, at a time. */
export const invalidMethod = 'INVALID';
export const unparsablePath = '~unparsable';
export const maxPathLength = 1024;

/**
 * `[vhost] client ident user [time] rest`. Fields before the time hold no space: a user name with spaces (which servers
 * log as it came) could otherwise bring its own `[time]` and rewrite history.
 */
const prefix = /^(?:([^\s,]{1,260}) )?(\S{1,260}) (\S+) (\S+) \[([^\]]{1,64})\](?: |$)/;
const quotedField = /^"((?:[^"\\]|\\.)*)"/s;
const requestLine = /^([A-Z][A-Z_-]{0,19}) (\S.*?)(?: HTTP\/\d(?:\.\d)?)?$/;
const absoluteForm = /^[a-z][a-z0-9+.-]{0,20}:\/\/[^/?#]*/i;

const commonTime = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))? ([+-])(\d{2}):?(\d{2})$/;
const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})$/;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const minuteMs = 60_000;
const year2300Ms = Date.UTC(2300, 0);

const commonTimeMs = (text: string): number | null => {
  const match = commonTime.exec(text);
  if (!match) return null;
  const [day, , year, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const month = months.indexOf(match[2] ?? '');
  const [zoneHours, zoneMinutes] = [Number(match[9]), Number(match[10])];
  const isReal = month >= 0 && hour < 24 && minute < 60 && second <= 60 && zoneHours < 24 && zoneMinutes < 60;
  if (!isReal || new Date(Date.UTC(year, month, day)).getUTCDate() !== day) return null;
  // A leap second has no instant of its own on the Unix scale: it counts as the last second of its minute.
  const localMs = Date.UTC(
    year,
    month,
    day,
    hour,
    minute,
    Math.min(second, 59),
    Number((match[7] ?? '0').padEnd(3, '0').slice(0, 3)),
  );
  const zoneMs = (zoneHours * 60 + zoneMinutes) * minuteMs;
  return match[8] === '-' ? localMs + zoneMs : localMs - zoneMs;
};

/** Milliseconds since the epoch of `17/Dec/2025:09:03:01 +0000` or of an ISO 8601 time with its zone; null for anything else. */
export const parseLogTimeMs = (text: string): number | null => {
  const timeMs = isoTime.test(text) ? Date.parse(text) : commonTimeMs(text);
  // No server wrote logs before the epoch or long after this century: the column that keeps the time ends there, too.
  return timeMs !== null && timeMs >= 0 && timeMs < year2300Ms ? timeMs : null;
};

const pathOf = (method: string, target: string): string => {
  if (method === 'CONNECT') return '~authority';
  const [path = ''] = target.replace(absoluteForm, '').split(/[?#]/, 1);
  return path === '' ? '/' : path.slice(0, maxPathLength).toWellFormed();
};

const parseRequest = (field: string): Pick<LoggedRequest, 'method' | 'path'> => {
  const match = requestLine.exec(field);
  const [, method = '', target = ''] = match ?? [];
  const isHttp =
    match !== null && (method === 'CONNECT' || target.startsWith('/') || target === '*' || absoluteForm.test(target));
  return isHttp ? { method, path: pathOf(method, target) } : { method: invalidMethod, path: unparsablePath };
};

/**
 * Reads one line of the common or combined format, nginx's or Apache's, with or without a virtual host in front and with
 * any fields behind. A line counts as a request as soon as its client and its time can be read, however hostile the rest.
 */
export const parseAccessLogLine = (line: string): ParsedLine => {
  const match = prefix.exec(line);
  if (!match) return { rejected: 'not in common or combined format' };
  const address = canonicalAddress(match[2] ?? '');
  if (address === null) return { rejected: 'client is no address' };
  const timeMs = parseLogTimeMs(match[5] ?? '');
  if (timeMs === null) return { rejected: 'time cannot be read' };
  const field = quotedField.exec(line.slice(match[0].length))?.[1] ?? '';
  return { request: { timeMs, address, ...parseRequest(field) } };
};
