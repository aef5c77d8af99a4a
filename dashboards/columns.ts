import { tables } from '../src/clickhouse/tables.ts';

/** A table's columns as an object, so that a query naming a column that is gone does not compile. */
export const columnsOf = <Name extends string>(columns: readonly Name[]): { readonly [Column in Name]: Column } =>
  Object.fromEntries(columns.map((column) => [column, column])) as { [Column in Name]: Column };

const tableOf = <Name extends string>(table: { readonly name: string; readonly columns: readonly Name[] }) => ({
  name: table.name,
  columns: columnsOf(table.columns),
});

/** The tables that panels ask, each column under its own name. */
export const raw = tableOf(tables.decisionsRaw);
export const minutes = tableOf(tables.decisionsPerMinute);
export const hours = tableOf(tables.decisionsPerHour);
export const days = tableOf(tables.decisionsPerDay);
export const byDimension = tableOf(tables.decisionsByDimension);
export const denials = tableOf(tables.denialsByClient);
export const blocks = tableOf(tables.blocks);
export const policyLoads = tableOf(tables.policies);
export const spikes = tableOf(tables.throttleSpikes);
