import { type Static, Type } from 'typebox';
import { precisionOf } from '../review/precision.ts';

const Share = Type.Number({ minimum: 0, maximum: 1 });

export const PrecisionSchema = Type.Union(
  [
    Type.Object({
      share: Share,
      low: Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'Where the true share lies, 95 times of 100: from here',
      }),
      high: Type.Number({ minimum: 0, maximum: 1, description: 'to here.' }),
      judged: Type.Integer({ minimum: 1 }),
    }),
    Type.Null(),
  ],
  { description: 'Confirmed, of those confirmed or false positives; null: nobody has said either.' },
);

export const precisionView = (labels: {
  readonly confirmed: number;
  readonly falsePositives: number;
}): Static<typeof PrecisionSchema> => precisionOf(labels);
