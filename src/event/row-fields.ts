import { TidegateError } from '../errors.ts';

/** One line of a frame, read as JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** The fields of a row, in the order of their wire names. */
export const encodeRow = <T extends object>(row: T, wireNames: Readonly<Record<keyof T, string>>): string => {
  const fields = Object.keys(wireNames) as (keyof T)[];
  return JSON.stringify(Object.fromEntries(fields.map((field) => [wireNames[field], row[field]])));
};

const refuse = (name: string): never => {
  throw new TidegateError('FRAME_CORRUPT', `event field ${name} is missing or of another type`);
};

export const text = (row: Row, name: string): string => {
  const value = row[name];
  return typeof value === 'string' ? value : refuse(name);
};

export const whole = (row: Row, name: string, least = 0): number => {
  const value = row[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least ? value : refuse(name);
};

export const oneOf = <T extends string | number>(row: Row, name: string, known: readonly T[]): T =>
  known.find((candidate) => candidate === row[name]) ?? refuse(name);

export const texts = (row: Row, name: string): string[] => {
  const value = row[name];
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : refuse(name);
};

/** Throws FRAME_CORRUPT when the line is no JSON object. */
export const parseRow = (line: string): Row => {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
  } catch (cause) {
    throw new TidegateError('FRAME_CORRUPT', 'event is not JSON', { cause });
  }
  throw new TidegateError('FRAME_CORRUPT', 'event is not a JSON object');
};
