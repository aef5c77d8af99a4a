import { segmentsOf } from '../route-pattern.ts';

/** `http://host` in front of the path: a target may be sent so. */
export const absoluteForm = /^[a-z][a-z0-9+.-]{0,20}:\/\/[^/?#]*/i;
/** What makes servers differ about the path that a target names. */
const ambiguous = /[%;\\]|(?:^|\/)\.{1,2}(?:\/|$)/;

/** Nearly all targets: a path, and nothing in it that could be read in another way. */
const plain = /^\/[^?#%;\\.]*$/;

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
  if (plain.test(target)) return [segmentsOf(target)];
  const [path = ''] = target.replace(absoluteForm, '').split(/[?#]/, 1);
  const literal = segmentsOf(path);
  return ambiguous.test(path) ? [literal, resolvedSegmentsOf(path)] : [literal];
};
