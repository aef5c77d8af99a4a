import { segmentsOf } from '../route-pattern.ts';

/** `http://host` in front of the path: a target may be sent so. */
export const absoluteForm = /^[a-z][a-z0-9+.-]{0,20}:\/\/[^/?#]*/i;
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
  if (path.charCodeAt(0) !== slash) return null;
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

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Broken encoding is taken literally by those who take it at all.
    return segment;
  }
};

/** As a server reads it that decodes, drops `;parameters` and follows `.` and `..`. */
const resolvedSegmentsOf = (path: string): string[] => {
  const resolved: string[] = [];
  for (const segment of path.split(/[/\\]/).flatMap((part) => decoded(part.split(';', 1)[0] ?? '').split(/[/\\]/))) {
    if (segment === '..') resolved.pop();
    else if (segment !== '' && segment !== '.') resolved.push(segment);
  }
  return resolved;
};

/**
 * The segments of a request target, in each way that a server behind may read them: `/%6Cogin` is `/login` to most. One
 * reading for nearly all requests; two where the target is ambiguous, so that no spelling is a way around a limit.
 */
export const readingsOf = (target: string): string[][] => {
  const [path = ''] = target.replace(absoluteForm, '').split(/[?#]/, 1);
  const literal = segmentsOf(path);
  return ambiguous.test(path) ? [literal, resolvedSegmentsOf(path)] : [literal];
};
