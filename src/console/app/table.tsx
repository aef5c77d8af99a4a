import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Right-aligned, digits of one width. */
  readonly isNumber?: boolean;
  /** A word or two, never broken over lines. */
  readonly isShort?: boolean;
  /** What the row is about: its header, and the title of its card on a phone. One column. */
  readonly isMain?: boolean;
  /** Of buttons: no label on the card. */
  readonly isActions?: boolean;
}

export interface DataTableProps<Row> {
  /** Read to who does not see it; shown when `isCaptionShown`. */
  readonly caption: string;
  readonly isCaptionShown?: boolean;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly rowClass?: (row: Row) => string;
  /** Of the row that shortcuts act on. */
  readonly currentKey?: string | null;
}

// As cards the elements are no table to the browser: these say that they still are one.
const roles = {
  table: { role: 'table' },
  group: { role: 'rowgroup' },
  row: { role: 'row' },
  head: { role: 'columnheader' },
  main: { role: 'rowheader' },
  cell: { role: 'cell' },
} as const;

const classOf = ({ isNumber, isShort, isMain, isActions }: Column<never>): string =>
  [isNumber ? 'number' : '', isShort ? 'short' : '', isMain ? 'main' : '', isActions ? 'actions' : '']
    .filter((name) => name !== '')
    .join(' ');

const Row = <R,>({ columns, row, rowClass, isCurrent }: RowProps<R>) => (
  <tr {...roles.row} class={`${rowClass ?? ''}${isCurrent ? ' current' : ''}`} aria-current={isCurrent || undefined}>
    {columns.map((column) =>
      column.isMain ? (
        <th key={column.head} {...roles.main} scope="row" class={classOf(column)}>
          {column.cell(row)}
        </th>
      ) : (
        <td key={column.head} {...roles.cell} class={classOf(column)} data-head={column.head}>
          <span class="value">{column.cell(row)}</span>
        </td>
      ),
    )}
  </tr>
);

interface RowProps<R> {
  readonly columns: readonly Column<R>[];
  readonly row: R;
  readonly rowClass?: string;
  readonly isCurrent: boolean;
}

/** A table that becomes a list of cards where there is no room for it. */
export const DataTable = <R,>(props: DataTableProps<R>) => {
  const { caption, isCaptionShown = false, columns, rows, rowKey, rowClass, currentKey = null } = props;
  return (
    <table {...roles.table} class="data">
      <caption class={isCaptionShown ? '' : 'visually-hidden'}>{caption}</caption>
      <thead {...roles.group}>
        <tr {...roles.row}>
          {columns.map((column) => (
            <th key={column.head} {...roles.head} scope="col" class={classOf(column)}>
              {column.isActions ? <span class="visually-hidden">{column.head}</span> : column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody {...roles.group}>
        {rows.map((row) => {
          const key = rowKey(row);
          return (
            <Row
              key={key}
              columns={columns}
              row={row}
              rowClass={rowClass?.(row) ?? ''}
              isCurrent={key === currentKey}
            />
          );
        })}
      </tbody>
    </table>
  );
};
