import { exception } from './exception.ts';

/** How the values of a column lie in a block, as far as it takes to know where they end. */
export type Layout =
  | { readonly kind: 'fixed'; readonly bytes: number }
  | { readonly kind: 'string' }
  | { readonly kind: 'nullable'; readonly of: Layout }
  | { readonly kind: 'array'; readonly of: Layout }
  | { readonly kind: 'tuple'; readonly of: readonly Layout[] }
  | { readonly kind: 'dictionary'; readonly of: Layout };

const bytesByType: Readonly<Record<string, number>> = {
  ...{ UInt8: 1, UInt16: 2, UInt32: 4, UInt64: 8, UInt128: 16, UInt256: 32 },
  ...{ Int8: 1, Int16: 2, Int32: 4, Int64: 8, Int128: 16, Int256: 32 },
  ...{ Bool: 1, BFloat16: 2, Float32: 4, Float64: 8, UUID: 16, IPv4: 4, IPv6: 16, Nothing: 1, Point: 16 },
  ...{ Enum8: 1, Enum16: 2, Date: 2, Date32: 4, DateTime: 4, DateTime64: 8, Time: 4, Time64: 8 },
  ...{ Decimal32: 4, Decimal64: 8, Decimal128: 16, Decimal256: 32 },
};

/** `a, Map(b, c), 'd,e'` → `a` · `Map(b, c)` · `'d,e'` */
const splitList = (text: string): string[] => {
  const items: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "'" || char === '`' || char === '"') at = endOfQuoted(text, at);
    else if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    else if (char === ',' && depth === 0) {
      items.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  items.push(text.slice(from).trim());
  return items;
};

const endOfQuoted = (text: string, start: number): number => {
  const quote = text[start];
  let at = start + 1;
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1;
  return at;
};

/** `name Type` → `Type`; a type alone stays. */
const withoutName = (item: string): string => {
  const start = item.startsWith('`') || item.startsWith('"') ? endOfQuoted(item, 0) + 1 : 0;
  return /^\w*\s+(.+)$/s.exec(item.slice(start))?.[1] ?? item;
};

const decimalBytes = (precision: number): number => {
  if (precision <= 9) return 4;
  if (precision <= 18) return 8;
  return precision <= 38 ? 16 : 32;
};

const fixed = (bytes: number): Layout => ({ kind: 'fixed', bytes });
const arrayOf = (of: Layout): Layout => ({ kind: 'array', of });
const tupleOf = (items: readonly string[]): Layout => ({
  kind: 'tuple',
  of: items.map((item) => layoutOf(withoutName(item))),
});

/** The keys of a dictionary are never null: null is the first of them. */
const dictionaryOf = (type: string): Layout => {
  const inner = layoutOf(type);
  return { kind: 'dictionary', of: inner.kind === 'nullable' ? inner.of : inner };
};

const unsupported = (type: string): Error =>
  exception(
    'NOT_IMPLEMENTED',
    `The type ${type.slice(0, 100)} is not written in the Native format here; convert it, with toString() or finalizeAggregation() for instance.`,
  );

const composed: Readonly<Record<string, (items: readonly string[], type: string) => Layout>> = {
  String: () => ({ kind: 'string' }),
  FixedString: ([bytes]) => fixed(Number(bytes)),
  Decimal: ([precision]) => fixed(decimalBytes(Number(precision))),
  Nullable: ([type = '']) => ({ kind: 'nullable', of: layoutOf(type) }),
  Array: ([type = '']) => arrayOf(layoutOf(type)),
  LowCardinality: ([type = '']) => dictionaryOf(type),
  Map: (items) => arrayOf(tupleOf(items)),
  Nested: (items) => arrayOf(tupleOf(items)),
  SimpleAggregateFunction: ([, type = '']) => layoutOf(type),
  Tuple: (items, type) => {
    if (items.length === 1 && items[0] === '') throw unsupported(type);
    return tupleOf(items);
  },
};

/** @throws Exception NOT_IMPLEMENTED for a type that is not in the list of docs/guides/embedded-clickhouse.md. */
export const layoutOf = (type: string): Layout => {
  const [, name = '', inner = ''] = /^(\w+)(?:\((.*)\))?$/s.exec(type) ?? [];
  const compose = Object.hasOwn(composed, name) ? composed[name] : undefined;
  if (compose) return compose(splitList(inner), type);
  const bytes = name.startsWith('Interval') ? 8 : Object.hasOwn(bytesByType, name) ? bytesByType[name] : undefined;
  if (bytes === undefined) throw unsupported(type);
  return fixed(bytes);
};
