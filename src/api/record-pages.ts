import { Type } from 'typebox';

/** The id of a batch or an approval, in the path. */
export const RecordParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });

/** A page of batches or approvals; not all of it need be in reach of who asks. */
export const RecordPageQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: '`nextCursor` of the page before.' }),
    ),
  },
  { additionalProperties: false },
);

export const NextCursor = Type.Union([Type.String(), Type.Null()]);

interface PageAsked {
  readonly limit: number;
  readonly cursor?: string;
}

export const pageAsked = ({ limit = 20, cursor }: Partial<PageAsked>): PageAsked =>
  cursor === undefined ? { limit } : { limit, cursor };
