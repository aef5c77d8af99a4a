/** A reader of Prometheus' text format 0.0.4 that forgives nothing: what it takes, every scraper takes. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}

const namePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelPattern = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const valuePattern = /^(?:NaN|[+-]?Inf|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/;
const samplePattern = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/;

const fail = (line: string, reason: string): never => {
  throw new Error(`${reason}: ${line}`);
};

const unescaped = (text: string, line: string): string =>
  text.replaceAll(/\\(.?)/g, (_, escaped: string) => {
    if (escaped === 'n') return '\n';
    return escaped === '"' || escaped === '\\' ? escaped : fail(line, `unknown escape \\${escaped}`);
  });

/** `a="b",c="d"`; a quote within a value is escaped. */
const labelsOf = (text: string, line: string): Record<string, string> => {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ''; ) {
    const [whole, name = '', value = '', comma] = /^([^=,]*)="((?:[^"\\]|\\.)*)"(,|$)/.exec(rest) ?? [''];
    if (whole === '' || !labelPattern.test(name)) fail(line, 'bad labels');
    if (name in labels) fail(line, `label ${name} twice`);
    labels[name] = unescaped(value, line);
    rest = rest.slice(whole.length);
    if (comma === ',' && rest === '') fail(line, 'a comma and nothing behind it');
  }
  return labels;
};

const numberOf = (text: string, line: string): number => {
  if (!valuePattern.test(text)) fail(line, 'bad value');
  return Number(text.replace('Inf', 'Infinity'));
};

const sampleOf = (line: string): Sample => {
  const [, name = '', labels = '', value = ''] = samplePattern.exec(line) ?? fail(line, 'no sample');
  if (!namePattern.test(name)) fail(line, 'bad name');
  return { name, labels: labelsOf(labels, line), value: numberOf(value, line) };
};

const namesOf = (name: string, type: Family['type']): readonly string[] =>
  type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];

const withoutLe = ({ le: _, ...labels }: Readonly<Record<string, string>>): string => JSON.stringify(labels);

/** Buckets go up, the last one is +Inf and equals the count. */
const checkHistogram = ({ name, samples }: Family): void => {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = withoutLe(sample.labels);
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [key, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => numberOf(labels['le'] ?? '', key));
    if (bounds.some((bound, index) => index > 0 && bound <= (bounds[index - 1] ?? 0))) fail(key, 'bounds out of order');
    if (buckets.some(({ value }, index) => value < (buckets[index - 1]?.value ?? 0))) fail(key, 'buckets go down');
    const count = own.find((sample) => sample.name === `${name}_count`)?.value;
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || buckets.at(-1)?.value !== count) fail(key, 'no +Inf of all');
    if (!own.some((sample) => sample.name === `${name}_sum`)) fail(key, 'no sum');
  }
};

const checkFamily = (family: Family): void => {
  const { name, type, samples } = family;
  const seen = new Set(samples.map((sample) => JSON.stringify([sample.name, sample.labels])));
  if (seen.size !== samples.length) fail(name, 'a series twice');
  if (type === 'counter' && !name.endsWith('_total')) fail(name, 'a counter without _total');
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) fail(name, 'a counter below 0');
  if (type === 'histogram') checkHistogram(family);
};

const headerPattern = /^# (HELP|TYPE) (\S+) (.*)$/;
const types: readonly string[] = ['counter', 'gauge', 'histogram'];

/** Families by name. Throws on anything that the format does not have, and on what it has and tidegate does not use. */
export const parsePrometheusText = (text: string): ReadonlyMap<string, Family> => {
  if (!text.endsWith('\n')) throw new Error('the last line must end');
  const families = new Map<string, Family & { samples: Sample[] }>();
  let current: (Family & { samples: Sample[] }) | null = null;
  let help: readonly [name: string, text: string] = ['', ''];
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = headerPattern.exec(line) ?? [];
    if (kind === 'HELP') {
      help = [name, rest];
      current = null;
    } else if (kind === 'TYPE') {
      if (help[0] !== name || !namePattern.test(name) || !types.includes(rest)) fail(line, 'a type out of place');
      if (families.has(name)) fail(line, 'a family twice');
      current = { name, help: help[1], type: rest as Family['type'], samples: [] };
      families.set(name, current);
    } else {
      const sample = sampleOf(line);
      if (!current || !namesOf(current.name, current.type).includes(sample.name)) fail(line, 'a sample out of place');
      current?.samples.push(sample);
    }
  }
  for (const family of families.values()) checkFamily(family);
  return families;
};
