/** A reader of the PromQL that the guides use. It knows a part of the language, and refuses everything else. */

export interface Selector {
  readonly metric: string;
  /** Labels that are matched. */
  readonly labels: readonly string[];
  /** The innermost function or aggregation around it; '' when there is none. */
  readonly within: string;
  /** Labels that an aggregation around it keeps. */
  readonly keeps: readonly string[];
}

const aggregations = ['sum', 'max', 'min', 'avg', 'count'];
/** What each function takes: `range` a range vector last, `instant` an instant vector last. */
const functions: Readonly<Record<string, 'range' | 'instant'>> = {
  rate: 'range',
  increase: 'range',
  max_over_time: 'range',
  min_over_time: 'range',
  histogram_quantile: 'instant',
  clamp_min: 'instant',
  absent: 'instant',
};
const keywords = ['by', 'and', 'or', 'unless', 'on', 'offset'];

/** From loosest to tightest. */
const operators: readonly (readonly string[])[] = [
  ['or'],
  ['and', 'unless'],
  ['==', '!=', '<=', '<', '>=', '>'],
  ['+', '-'],
  ['*', '/'],
];

const token =
  /\s*(?:(\d+(?:\.\d+)?(?:ms|[smhdwy])?|\.\d+)|("(?:[^"\\]|\\.)*")|([a-zA-Z_][a-zA-Z0-9_:]*)|(=~|!~|==|!=|<=|>=|[-+*/%^=<>(){}[\],:]))/y;

const tokensOf = (text: string): string[] => {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (text.slice(token.lastIndex).trim() !== '') {
    const at = token.lastIndex;
    const [whole] = token.exec(text) ?? [];
    if (whole === undefined) throw new Error(`cannot read: ${text.slice(at, at + 20)}`);
    tokens.push(whole.trim());
  }
  return tokens;
};

type Kind = 'scalar' | 'instant' | 'range';

class Reader {
  readonly #tokens: string[];
  readonly selectors: Selector[] = [];
  #at = 0;
  #within = '';
  #keeps: readonly string[] = [];

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  whole(): void {
    const kind = this.#binary(0);
    if (this.#peek() !== undefined) throw new Error(`not expected: ${this.#peek()}`);
    if (kind === 'range') throw new Error('a range vector is no answer');
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(expected?: string): string {
    const next = this.#tokens[this.#at];
    if (next === undefined || (expected !== undefined && next !== expected)) {
      throw new Error(`expected ${expected ?? 'more'}, found ${next ?? 'the end'}`);
    }
    this.#at += 1;
    return next;
  }

  #binary(level: number): Kind {
    const own = operators[level];
    if (own === undefined) return this.#ranged();
    let left = this.#binary(level + 1);
    for (let next = this.#peek(); next !== undefined && own.includes(next); next = this.#peek()) {
      this.#take();
      if (this.#peek() === 'on') {
        this.#take();
        this.#names();
      }
      const right = this.#binary(level + 1);
      if (left === 'range' || right === 'range') throw new Error(`${next} of a range vector`);
      if (/[a-z]/.test(next) && (left === 'scalar' || right === 'scalar')) throw new Error(`${next} of a number`);
      left = left === 'scalar' && right === 'scalar' ? 'scalar' : 'instant';
    }
    return left;
  }

  /** `[5m]` behind a selector, `[1h:1m]` behind anything. */
  #ranged(): Kind {
    const kind = this.#primary();
    if (this.#peek() !== '[') return kind;
    const isSelector = this.#tokens[this.#at - 1] !== ')';
    this.#take();
    this.#duration();
    const isSubquery = this.#peek() === ':';
    if (isSubquery) {
      this.#take();
      this.#duration();
    } else if (!isSelector) {
      throw new Error('a range of what is no selector');
    }
    this.#take(']');
    if (kind !== 'instant') throw new Error(`a range of a ${kind}`);
    return 'range';
  }

  #primary(): Kind {
    const next = this.#take();
    if (next === '(') {
      const kind = this.#binary(0);
      this.#take(')');
      return kind;
    }
    if (/^[\d.]/.test(next)) {
      if (!/^[\d.]+$/.test(next)) throw new Error(`a duration out of place: ${next}`);
      return 'scalar';
    }
    if (keywords.includes(next) || !/^[a-zA-Z_]/.test(next)) throw new Error(`not expected: ${next}`);
    if (aggregations.includes(next)) return this.#aggregation(next);
    return this.#peek() === '(' ? this.#call(next) : this.#selector(next);
  }

  #aggregation(name: string): Kind {
    let keeps: readonly string[] = [];
    if (this.#peek() === 'by') {
      this.#take();
      keeps = this.#names();
    }
    this.#take('(');
    const kind = this.#inside(name, keeps, () => this.#binary(0));
    this.#take(')');
    if (kind !== 'instant') throw new Error(`${name} of a ${kind}`);
    return 'instant';
  }

  #call(name: string): Kind {
    const wanted = functions[name];
    if (wanted === undefined) throw new Error(`unknown function ${name}`);
    this.#take('(');
    let last = this.#inside(name, this.#keeps, () => this.#binary(0));
    while (this.#peek() === ',') {
      this.#take();
      last = this.#inside(name, this.#keeps, () => this.#binary(0));
    }
    this.#take(')');
    if (last !== wanted) throw new Error(`${name} takes a ${wanted} vector, not a ${last}`);
    return 'instant';
  }

  #inside<T>(name: string, keeps: readonly string[], read: () => T): T {
    const [within, kept] = [this.#within, this.#keeps];
    [this.#within, this.#keeps] = [name, keeps];
    try {
      return read();
    } finally {
      [this.#within, this.#keeps] = [within, kept];
    }
  }

  #selector(metric: string): Kind {
    const labels: string[] = [];
    if (this.#peek() === '{') {
      do {
        this.#take();
        labels.push(this.#take());
        if (!['=', '!=', '=~', '!~'].includes(this.#take())) throw new Error('no matcher');
        if (!this.#take().startsWith('"')) throw new Error('a matcher needs a text');
      } while (this.#peek() === ',');
      this.#take('}');
    }
    this.selectors.push({ metric, labels, within: this.#within, keeps: this.#keeps });
    return 'instant';
  }

  #names(): string[] {
    const names: string[] = [];
    this.#take('(');
    while (this.#peek() !== ')') {
      names.push(this.#take());
      if (this.#peek() === ',') this.#take();
    }
    this.#take(')');
    return names;
  }

  #duration(): void {
    const next = this.#take();
    if (!/^\d+(?:ms|[smhdwy])$/.test(next)) throw new Error(`no duration: ${next}`);
  }
}

/** The series that an expression asks for. Throws when it is none. */
export const selectorsOf = (expression: string): readonly Selector[] => {
  const reader = new Reader(expression);
  reader.whole();
  return reader.selectors;
};
