import { alike, closeBurnLift, dimensionOrder, leastLift } from '../alert/told-once.ts';

const rank = `indexOf([${dimensionOrder.map((name) => `'${name}'`).join(', ')}], dimension)`;

/**
 * `rows` with `is_told`: which of the burns of one incident, that shows in every dimension, is told. As `toldBurns` says it in
 * src/alert/told-once.ts. `rows` have `dimension`, `is_burning`, `first_burns`, `objective`, and by window what was decided and denied.
 */
export const toldBurnRows = (rows: string): string => `
  SELECT *,
    is_burning AND if(all_burns, rank = if(teller = 0, ${dimensionOrder.length}, teller),
      NOT arrayExists(e -> e.1 < rank AND e.2 > excess * ${alike.from} AND e.2 < excess * ${alike.to}, found)) AS is_told
  FROM (
    SELECT *, minIf(rank, lift >= greatest(${leastLift}, most_lift - ${closeBurnLift})) OVER () AS teller
    FROM (
      SELECT *,
        least(1, excess / greatest(1, all_excess)) AS explains, decided / greatest(1, all_decided) AS portion,
        if(is_burning AND dimension != 'all' AND portion < 1, (explains - portion) / (1 - portion), 0) AS lift,
        max(lift) OVER () AS most_lift
      FROM (
        SELECT *,
          maxIf(excess, dimension = 'all') OVER () AS all_excess,
          maxIf(decided, dimension = 'all') OVER () AS all_decided,
          groupArrayIf((rank, excess), is_burning) OVER () AS found
        FROM (
          SELECT *, ${rank} AS rank,
            if(by_first, decided_long0, decided_long1) AS decided,
            if(by_first, denied_long0, denied_long1) - objective * decided AS excess
          FROM (
            SELECT *,
              maxIf(is_burning, dimension = 'all') OVER () AS all_burns,
              if(all_burns, maxIf(first_burns, dimension = 'all') OVER (), max(first_burns) OVER ()) AS by_first
            FROM (${rows}
            )
          )
        )
      )
    )
  )`;
