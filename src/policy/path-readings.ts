import { segmentsOf } from '../route-pattern.ts';

/** `http://host` in front of the path: a target may be sent so. */
export const absoluteForm = /^[a-z][a-z0-9+.-]{0,20}:\/\/[^/\\?#]*/i;
/** What `new URL(target, base)` takes for a host and not for a path: `//host`, `\\host`; and a scheme without one. */
const urlAuthority = /^(?:https?:)?(?:[/\\]{2,}[^/\\?#]*)?/i;
/** What makes servers differ about the path that a target names. */
const ambiguous = /[%;\\]|(?:^|\/)\.{1,2}(?:\/|$)/;

/** By character code: a path of these alone is read by everyone in one way, letter case included. */
const isPlain = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w!$&'()*+,:=@~|.-]/.test(String.fromCharCode(code)) ? 1 : 0,
);
for (let code = 0x41; code <= 0x5a; code += 1) isPlain[code] = 0;
const slash = 0x2f;
const dot = 0x2e;

/**
 * The segments of nearly all targets: a path without query, capitals and whatever servers differ about. Null for all
 * others. One look at each character: this is on the way of every request that has no route.
 */
export const plainSegmentsOf = (path: string): string[] | null => {
  if (path.charCodeAt(0) !== slash || path.charCodeAt(1) === slash) return null;
  const segments: string[] = [];
  let start = 1;
  for (let at = 1; at < path.length; at += 1) {
    const code = path.charCodeAt(at);
    if (code === slash) {
      if (at > start) segments.push(path.slice(start, at));
      start = at + 1;
    } else if (isPlain[code] !== 1 || (code === dot && at === start)) return null;
  }
  if (start < path.length) segments.push(path.slice(start));
  return segments;
};

/**
 * Percent-encoded UTF-8, as `decodeURIComponent` takes it. Looked for beforehand: an exception for each of the thousands of
 * broken segments that fit one target would take tens of milliseconds.
 */
const decodable =
  /^(?:[^%]|%[0-7][\da-f]|%(?:c[2-9a-f]|d[\da-f])(?:%[89ab][\da-f])|%(?:e0%[ab]|ed%[89]|(?:e[1-9abcef])%[89ab])[\da-f]%[89ab][\da-f]|%(?:f0%[9ab]|f[1-3]%[89ab]|f4%8)[\da-f](?:%[89ab][\da-f]){2})*$/i;

/** Broken encoding is taken literally by those who take it at all. */
const decoded = (segment: string): string =>
  segment.includes('%') && decodable.test(segment) ? decodeURIComponent(segment) : segment;

/** As a server reads it that decodes, drops `;parameters` and follows `.` and `..`. */
const resolvedSegmentsOf = (path: string): string[] => {
  const resolved: string[] = [];
  const step = (segment: string): void => {
    if (segment === '..') resolved.pop();
    else if (segment !== '' && segment !== '.') resolved.push(segment);
  };
  for (const part of path.split(/[/\\]/)) {
    const semicolon = part.indexOf(';');
    const segment = decoded(semicolon < 0 ? part : part.slice(0, semicolon));
    if (segment.includes('/') || segment.includes('\\')) segment.split(/[/\\]/).forEach(step);
    else step(segment);
  }
  return resolved;
};

const withoutQuery = (target: string): string => target.split(/[?#]/, 1)[0] ?? '';

/**
 * The segments of a request target, in each way that a server behind may read them: `/%6Cogin` is `/login` to most, and
 * `//any/login` to those that make a URL of it. One reading for nearly all requests; up to three where the target is
 * ambiguous, so that no spelling is a way around a limit. The last one has most of the spelling taken out.
 */
export const readingsOf = (target: string): string[][] => {
  const rest = target.replace(absoluteForm, '');
  const path = withoutQuery(rest);
  const readings = [segmentsOf(path)];
  if (ambiguous.test(path)) readings.push(resolvedSegmentsOf(path));
  const afterAuthority = target.replace(urlAuthority, '');
  if (afterAuthority !== rest) readings.push(resolvedSegmentsOf(withoutQuery(afterAuthority)));
  return readings;
};
