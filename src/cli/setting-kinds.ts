/** What reading one raw value gave: the value, or what is wrong with it (a phrase that follows the setting's name). */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** One setting: where it can be given, what it is, and how its text becomes a value. */
export interface Setting<T> {
  readonly env: string;
  readonly flag: `--${string}`;
  /** How the type is called in help and docs. */
  readonly type: string;
  readonly default: T;
  /** Shown instead of the default where the default says little. */
  readonly defaultText?: string;
  readonly unit: string;
  readonly meaning: string;
  /** Never shown: not in logs, errors or printed configuration. */
  readonly secret: boolean;
  /** From a flag or the environment (a string), or from the configuration file (whatever YAML made of it). */
  parse(raw: unknown): Parsed<T>;
}

type Described = Pick<Setting<unknown>, 'env' | 'flag' | 'meaning'> & {
  readonly unit?: string;
  readonly secret?: boolean;
  readonly defaultText?: string;
};

const plain = ({ env, flag, meaning, unit = '', secret = false, defaultText }: Described) => ({
  env,
  flag,
  meaning,
  unit,
  secret,
  ...(defaultText === undefined ? {} : { defaultText }),
});

const maxTextLength = 4096;

const parseText = (raw: unknown): Parsed<string> => {
  if (typeof raw !== 'string') return { problem: 'must be text' };
  const value = raw.trim();
  if (value === '') return { problem: 'must not be empty' };
  return value.length <= maxTextLength ? { value } : { problem: `must be at most ${maxTextLength} characters` };
};

export const text = (
  described: Described & { type: string; default: string; pattern?: RegExp; must?: string },
): Setting<string> => ({
  ...plain(described),
  type: described.type,
  default: described.default,
  parse: (raw) => {
    const parsed = parseText(raw);
    if ('problem' in parsed || !described.pattern || described.pattern.test(parsed.value)) return parsed;
    return { problem: described.must ?? `must match ${described.pattern.source}` };
  },
});

export const optionalText = (described: Described & { type: string }): Setting<string | null> => ({
  ...plain(described),
  type: described.type,
  default: null,
  parse: parseText,
});

const pageAddress = /^https?:\/\/[^\s/?#@\\]+(?:\/[^\s?#\\]*)?$/i;

/** Where people read on. It is told to everybody, so that it holds no password; paths are added to it, so that it has no query. */
export const optionalAddress = (described: Described): Setting<string | null> => ({
  ...plain(described),
  type: 'URL',
  default: null,
  parse: (raw) => {
    const parsed = parseText(raw);
    if ('problem' in parsed || (pageAddress.test(parsed.value) && URL.canParse(parsed.value))) return parsed;
    return { problem: 'must be an address like https://example.com/path, without user, password and query' };
  },
});

const parseInteger = (raw: unknown, min: number, max: number): Parsed<number> => {
  const value = typeof raw === 'string' && /^\s*-?\d+\s*$/.test(raw) ? Number(raw) : raw;
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
  return fits ? { value } : { problem: `must be a whole number from ${min} to ${max}` };
};

export const integer = (described: Described & { default: number; min: number; max: number }): Setting<number> => ({
  ...plain(described),
  type: `${described.min} to ${described.max}`,
  default: described.default,
  parse: (raw) => parseInteger(raw, described.min, described.max),
});

/** Null: what the meaning says. */
export const optionalDays = (described: Described): Setting<number | null> => ({
  ...plain({ ...described, unit: 'days' }),
  type: '0 to 36500',
  default: null,
  parse: (raw) => parseInteger(raw, 0, 36_500),
});

/** A port; null switches the listener off. */
export const port = (described: Described): Setting<number | 'none' | null> => ({
  ...plain(described),
  type: '0 to 65535, or none',
  default: null,
  parse: (raw) => {
    if (raw === 'none') return { value: 'none' };
    const parsed = parseInteger(raw, 0, 65_535);
    return 'problem' in parsed ? { problem: 'must be a port from 0 (any free one) to 65535, or none' } : parsed;
  },
});

export const choice = <const T extends string>(
  described: Described & { default: T; of: readonly T[] },
): Setting<T> => ({
  ...plain(described),
  type: described.of.join(', '),
  default: described.default,
  parse: (raw) => {
    const value = described.of.find((known) => known === raw);
    return value === undefined ? { problem: `must be one of ${described.of.join(', ')}` } : { value };
  },
});

export const list = (
  described: Described & { type: string; itemPattern: RegExp; must: string },
): Setting<readonly string[]> => ({
  ...plain(described),
  type: described.type,
  default: [],
  defaultText: described.defaultText ?? 'none',
  parse: (raw) => {
    const items: unknown[] = typeof raw === 'string' ? raw.split(',') : Array.isArray(raw) ? raw : [raw];
    const value: string[] = [];
    for (const item of items) {
      const trimmed = typeof item === 'string' ? item.trim() : '';
      if (!described.itemPattern.test(trimmed)) return { problem: described.must };
      value.push(trimmed);
    }
    return { value };
  },
});
