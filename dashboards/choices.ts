import type { QueryVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { byDimension } from './columns.ts';
import { type Dimension, dimensions } from './decision-rows.ts';
import { choiceVariable, optionOf } from './variables.ts';

const { dimension: named, value, hour, decisions, outcome } = byDimension.columns;

/** The values to choose from: those of the time on screen, most denied first, as many as a list can show. */
export const valuesOf = (dimension: Dimension): string =>
  `SELECT ${optionOf(value)} AS option, ${value} AS name
FROM ${byDimension.name}
WHERE ${named} = '${dimension}' AND ${hour} >= toStartOfHour($__fromTime) AND ${hour} <= $__toTime
GROUP BY ${value}
ORDER BY sumIf(${decisions}, ${outcome} = 'denied') DESC, sum(${decisions}) DESC, ${value}
LIMIT 1000`;

/** Tenant, route, region and policy, each on All. */
export const dimensionVariables = (): QueryVariableBuilder[] =>
  dimensions.map((dimension) => choiceVariable(dimension, dimension, valuesOf(dimension)));
