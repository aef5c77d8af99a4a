import { Type } from 'typebox';
import { maxNoteLength } from '../blocklist/checks.ts';
import { readSubject } from '../blocklist/subject-text.ts';
import type { BlockSubject } from '../client.ts';
import { invalidField } from './problem.ts';

/** An instant in an answer. */
export const Instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });

export const instantText = (atMs: number): string => new Date(atMs).toISOString();

/** An instant in a request; its text is read by {@link instantFrom}. */
export const InstantInput = (description: string) =>
  Type.String({ minLength: 16, maxLength: 40, description, examples: ['2026-01-31T12:00:00Z'] });

export { maxNoteLength };

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** Milliseconds since the epoch. Throws a 400 that names the field. */
export const instantFrom = (text: string, path: string): number => {
  const atMs = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) throw invalidField(path, 'must be an instant such as 2026-01-31T12:00:00Z');
  return atMs;
};

/** Why somebody does something: white alone says nothing. */
export const Note = Type.String({
  minLength: 1,
  maxLength: maxNoteLength,
  pattern: '\\S',
  description: 'Why, for whoever looks at it later.',
  examples: ['partner office'],
});

export const SubjectText = Type.String({
  minLength: 2,
  maxLength: 512,
  description:
    '`ip:203.0.113.9`, `network:203.0.113.0/24`, `user:…` or `key:…`; `acme/user:…` holds within the tenant acme alone.',
  examples: ['ip:203.0.113.9'],
});

/** Who is meant. Throws a 400 that names the field and the spelling that was probably meant. */
export const subjectFrom = (text: string, path: string): BlockSubject => {
  const read = readSubject(text);
  if ('subject' in read) return read.subject;
  throw invalidField(path, read.instead === null ? read.problem : `${read.problem}; try ${read.instead}`);
};
