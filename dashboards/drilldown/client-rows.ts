import { denials, raw } from '../columns.ts';
import { dimensions } from '../decision-rows.ts';
import { isAll, isChosen, typedIn, whenTyped } from '../variables.ts';

export const clientVariable = 'client';

const typed = typedIn(clientVariable);
const { client, client_kind, time } = raw.columns;

/** `key:abc` or its id alone. The id comes first: an index knows where it is. */
export const isClient = whenTyped(
  clientVariable,
  `(${client} IN (${typed}, substring(${typed}, position(${typed}, ':') + 1)) AND (${client} = ${typed} OR concat(${client_kind}, ':', ${client}) = ${typed}))`,
);

export const anyClient = `(${isAll(clientVariable)})`;

/** Single decisions of everybody are read for the newest hours of the time on screen, of one client for all of it. */
export const everybodysHours = 6;

const { tenant, route, policy } = raw.columns;
const chosen = [...dimensions.map((name) => isChosen(name)), isClient].join('\n  AND ');

/** Decisions one by one. */
export const singleDecisions = `FROM ${raw.name}
WHERE ${time} >= greatest($__fromTime, if(${anyClient}, $__toTime - ${everybodysHours * 3600}, $__fromTime)) AND ${time} <= $__toTime
  AND ${chosen}`;

const { minute } = denials.columns;

/** Denied and blocked decisions by client and minute. They do not know of regions. */
export const denialRows = `FROM ${denials.name} AS d
WHERE ${minute} >= $__fromTime AND ${minute} <= $__toTime
  AND ${[tenant, route, policy].map((name) => isChosen(name)).join('\n  AND ')}
  AND ${isClient}`;

/** What one client did, minute by minute, where one is named; else nothing. */
export const clientDecisions = `SELECT toStartOfMinute(${time}) AS at, ${raw.columns.outcome}, toInt64(${raw.columns.count}) AS decisions
  FROM ${raw.name}
  WHERE NOT ${anyClient}
    AND ${time} >= if(row_seconds = 60, toStartOfMinute($__fromTime + 59), toStartOfHour($__fromTime)) AND ${time} < toStartOfMinute($__toTime) + 60
    AND ${chosen}`;
