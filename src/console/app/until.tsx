import { useId } from 'preact/hooks';
import { term } from './format.ts';
import { nowMs } from './time.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** From an hour to three months. */
export const usualTerms: readonly number[] = [hourMs, 6 * hourMs, dayMs, 3 * dayMs, 7 * dayMs, 30 * dayMs, 90 * dayMs];

export interface TermFieldProps {
  readonly label: string;
  /** Durations, ms. Default: {@link usualTerms}. */
  readonly terms?: readonly number[];
  readonly value: number;
  readonly onChange: (ms: number) => void;
  /** Longer ones cannot be chosen, and say so. */
  readonly mostMs?: number;
}

/** For how long: a choice of usual durations. */
export const TermField = (props: TermFieldProps) => {
  const { label, terms = usualTerms, value, onChange, mostMs = Number.POSITIVE_INFINITY } = props;
  const id = useId();
  return (
    <div>
      <label for={id}>{label}</label>
      <select id={id} value={String(value)} onChange={(event) => onChange(Number(event.currentTarget.value))}>
        {terms.map((ms) => (
          <option key={ms} value={String(ms)} disabled={ms > mostMs}>
            {term(ms)}
            {ms > mostMs ? ' (needs a lead)' : ''}
          </option>
        ))}
      </select>
    </div>
  );
};

/** When a term that begins now ends, as the API takes it. */
export const endOf = (termMs: number): string => new Date(nowMs() + termMs).toISOString();
