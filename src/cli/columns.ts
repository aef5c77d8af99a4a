import { stripVTControlCharacters } from 'node:util';

/** Colours take no room. */
const widthOf = (cell: string): number => stripVTControlCharacters(cell).length;

/** Rows as lines, every column but the last as wide as its widest cell. No borders: lines can be searched and piped. */
export const columns = (rows: readonly (readonly string[])[]): string => {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
  }
  const padded = (cell: string, width: number): string => cell + ' '.repeat(Math.max(0, width - widthOf(cell)));
  const lineOf = (row: readonly string[]): string =>
    row.map((cell, index) => (index === row.length - 1 ? cell : padded(cell, widths[index] ?? 0))).join('  ');
  return rows.map((row) => `${lineOf(row)}\n`).join('');
};
