import type { AlertDefinition, AlertUnit, Cause } from './definition.ts';
import type { Labels, SeenReading } from './instance.ts';

const maxLabelLength = 80;
const maxNumbers = 20;

const plain = (number: number): string => {
  // What some process tells may be any number: three hundred digits are no text for people.
  if (Math.abs(number) >= 1e15) return number.toExponential(2);
  if (Number.isInteger(number)) return number.toLocaleString('en-US');
  return Number(number.toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 });
};

const share = (number: number): string => `${plain(100 * number)} %`;

const seconds = (number: number): string => {
  if (number < 120) return `${plain(number)} s`;
  return number < 7200 ? `${plain(Math.round(number / 60))} min` : `${plain(Math.round(number / 360) / 10)} h`;
};

const inUnit: Readonly<Record<AlertUnit, (number: number) => string>> = {
  share,
  seconds,
  count: plain,
  ratio: plain,
};

/** A number of a reading by its name: shares are told as percentages. */
export const numberText = (name: string, number: number): string =>
  /(?:share|rate|baseline)$/i.test(name) ? share(number) : plain(number);

/** Labels come from whoever named a tenant or a route: one line, bounded. */
const labelText = (text: string): string => {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
  return line.length > maxLabelLength ? `${line.slice(0, maxLabelLength - 1)}…` : line;
};

/** The series of everybody is called `all` by its dimension already: `of all decisions`. */
const labelIn = (labels: Labels, name: string): string | undefined => {
  if (name === 'name' && labels['dimension'] === 'all') return 'decisions';
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
};

type Told = Pick<AlertDefinition, 'summary' | 'unit'>;

/** The sentence of a definition with what was read: what has no name in the reading stays as it stands. */
export const summaryOf = ({ summary, unit }: Told, labels: Labels, { value, numbers }: SeenReading): string =>
  summary.replaceAll(/\{\{\s*(\w{1,48})\s*\}\}/g, (written, name: string) => {
    if (name === 'value') return inUnit[unit](value);
    const number = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
    if (number !== undefined) return numberText(name, number);
    const label = labelIn(labels, name);
    return label === undefined ? written : labelText(label);
  });

const causeTexts: Readonly<Record<Cause, string>> = {
  'one-client': 'one client makes most of the denials',
  'policy-change': 'a policy changed shortly before',
  'retry-storm': 'clients come back before their retry time',
  'store-fault': 'decisions are taken without the primary store',
  'real-demand': 'more demand: none of the other causes shows',
};

/** `one client makes most of the denials`; null: what brings it about is not known. */
export const causeText = (cause: Cause | null): string | null => (cause === null ? null : causeTexts[cause]);

const inUnitOfValue = ['value', 'limit'];

/** `denied 420, topClientShare 93 %`: what says so. */
export const numbersText = (numbers: Readonly<Record<string, number>>, unit: AlertUnit): string =>
  Object.entries(numbers)
    .slice(0, maxNumbers)
    .map(
      ([name, number]) => `${name} ${inUnitOfValue.includes(name) ? inUnit[unit](number) : numberText(name, number)}`,
    )
    .join(', ');
