import { type Static, Type } from 'typebox';
import { Note } from './fields.ts';
import { invalidField } from './problem.ts';

/** Not every client can send a body with DELETE, so that the note may be in the query, too. */
export const EndingQuery = { note: Type.Optional(Note) };

export const EndingBody = Type.Optional(
  Type.Union([Type.Object({ note: Type.Optional(Note) }, { additionalProperties: false }), Type.Null()]),
);

/** Why something is ended. Throws a 400 where nobody says. */
export const endingNote = (query: { readonly note?: string }, body: Static<typeof EndingBody>): string => {
  const note = body?.note ?? query.note;
  if (note === undefined) throw invalidField('body.note', 'is missing: say why, in the body or as query.note');
  return note;
};
