import { type Instrument, instruments } from '../../metrics/instruments.ts';
import { prometheusName } from '../../metrics/prometheus-name.ts';
import type { Term } from '../definition.ts';

/** The series that a term asks for, as Prometheus names it. */
export const figureName = ({ figure, part }: Pick<Term, 'figure' | 'part'>): string => {
  const name = prometheusName(instruments[figure] as Instrument);
  return part === undefined ? name : `${name}_${part}`;
};
