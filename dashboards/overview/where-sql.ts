import { minutes } from '../columns.ts';
import { grainOf, rate, rowsOf, sumOf } from '../decision-rows.ts';
import { optionOf } from '../variables.ts';

const { tenant, route, policy, decisions, outcome } = minutes.columns;
const pair = `${tenant}, ${route}`;
const rows = 100;

const by = [tenant, route, policy] as const;
const ranked = (only: string): string => rowsOf({ by, only });

/**
 * Where the refusals are: one row per tenant and route, with the policies that denied. Who is named is found among the
 * denied rows alone, which stand together in these tables.
 */
export const mostThrottled = `${grainOf(by)}, (
  SELECT groupArray((${pair}))
  FROM (
    SELECT ${pair}
    FROM ${ranked(`${outcome} = 'denied'`)}
    GROUP BY ${pair} ORDER BY sum(v.${decisions}) DESC, ${pair} LIMIT ${rows}
  )
) AS most
SELECT ${pair}, arrayStringConcat(arraySort(groupUniqArrayIf(5)(${policy}, ${outcome} = 'denied')), ', ') AS policies,
  sum(v.${decisions}) AS all_decisions, ${sumOf('denied')} AS all_denied, ${sumOf('blocked')} AS all_blocked, ${rate} AS rate,
  ${optionOf(tenant)} AS to_tenant, ${optionOf(route)} AS to_route
FROM ${ranked(`${tenant} IN (SELECT arrayJoin(most).1)
    AND ${route} IN (SELECT arrayJoin(most).2)
    AND (${pair}) IN (SELECT arrayJoin(most) AS one)`)}
GROUP BY ${pair}
ORDER BY all_denied DESC, ${pair}
LIMIT ${rows}`;
