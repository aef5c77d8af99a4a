import { number } from '../app/format.ts';
import { Card } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { DataTable } from '../app/table.tsx';
import { Visible } from '../app/visible.tsx';
import type { ClientHistory, NamedTotals } from './types.ts';

interface TotalsProps {
  readonly title: string;
  readonly id: string;
  readonly head: string;
  readonly rows: readonly NamedTotals[];
  /** Where the name leads; default: nowhere. */
  readonly hrefOfName?: (name: string) => string;
}

const Totals = ({ title, id, head, rows, hrefOfName }: TotalsProps) =>
  rows.length === 0 ? null : (
    <Card title={title} id={id}>
      <DataTable
        caption={`${title}, most decisions first`}
        rows={rows.slice(0, 15)}
        rowKey={({ name }) => name}
        columns={[
          {
            head,
            isMain: true,
            cell: ({ name }) => (
              <code>
                {hrefOfName ? (
                  <a href={hrefOfName(name)}>
                    <Visible text={name} most={120} />
                  </a>
                ) : (
                  <Visible text={name} most={120} />
                )}
              </code>
            ),
          },
          { head: 'allowed', isNumber: true, cell: ({ allowed }) => number(allowed) },
          { head: 'denied', isNumber: true, cell: ({ denied }) => number(denied) },
          { head: 'blocked', isNumber: true, cell: ({ blocked }) => number(blocked) },
        ]}
      />
      {rows.length > 15 ? <p class="quiet small">and {number(rows.length - 15)} more</p> : null}
    </Card>
  );

const addressHref = (name: string): string => hrefOf(`/clients/${part(`ip:${name}`)}`);

/** Where it was, what decided, and what stood beside it. */
export const TotalsCards = ({ history }: { readonly history: ClientHistory }) => (
  <div class="grid">
    <Totals title="Routes" id="client-routes" head="route" rows={history.routes} />
    <Totals title="Decided by" id="client-policies" head="policy or rule" rows={history.policies} />
    <Totals title="Addresses" id="client-addresses" head="address" rows={history.addresses} hrefOfName={addressHref} />
    <Totals title="Tenants" id="client-tenants" head="tenant" rows={history.tenants} />
  </div>
);
