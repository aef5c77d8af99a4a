import type { ComponentChildren } from 'preact';
import { type Alert, type AlertsAnswer, firingIn, useAlerts } from '../app/alerts.ts';
import { knownIn } from '../app/alerts-known.ts';
import { plural } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { useNow } from '../app/now.ts';
import { Ago, At, Card, Chip, type Tone } from '../app/parts.tsx';
import { Empty, Shown } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';
import { Visible } from '../app/visible.tsx';
import { hrefOfWeb } from '../app/web-address.ts';

interface Rule {
  readonly alert: string;
  readonly severity: 'page' | 'ticket';
  readonly area: string;
  readonly when: string;
  readonly for: string;
  readonly isOff: boolean;
  readonly likely: readonly string[];
  readonly runbook: string;
}

const stateTones: Readonly<Record<Alert['state'], Tone>> = { firing: 'bad', pending: 'warn', resolved: 'good' };

/** A path within the package is no address: it is shown, not linked. */
const Link = ({ address, children }: { readonly address: string; readonly children: ComponentChildren }) =>
  hrefOfWeb(address) !== '' ? (
    <a class="links" href={hrefOfWeb(address)} target="_blank" rel="noreferrer">
      {children}
    </a>
  ) : (
    <code>{address}</code>
  );

const Links = ({ alert: { runbook, dashboard } }: { readonly alert: Alert }) => (
  <>
    <Link address={runbook}>Runbook</Link>
    {dashboard === null ? null : (
      <>
        <br />
        <Link address={dashboard}>Dashboard</Link>
      </>
    )}
  </>
);

const State = ({ alert: { state, severity, inhibitedBy, muted } }: { readonly alert: Alert }) => (
  <>
    <Chip tone={stateTones[state]}>{state}</Chip> {severity === 'page' ? <strong>page</strong> : 'ticket'}
    {inhibitedBy === null ? null : (
      <>
        <br />
        <span class="quiet small">held back while {inhibitedBy} holds</span>
      </>
    )}
    {muted === null ? null : (
      <>
        <br />
        <span class="quiet small">
          muted until <At at={muted.until} />: {muted.reason}
        </span>
      </>
    )}
  </>
);

const Why = ({ alert: { causeText, numbersText } }: { readonly alert: Alert }) => (
  <>
    {causeText === null ? null : <strong>Probably {causeText}. </strong>}
    <span class="quiet">
      <Visible text={numbersText} most={400} />
    </span>
  </>
);

const AlertTable = ({ caption, alerts }: { readonly caption: string; readonly alerts: readonly Alert[] }) => (
  <DataTable<Alert>
    caption={caption}
    rows={alerts}
    rowKey={({ id }) => id}
    columns={[
      {
        head: 'what',
        isMain: true,
        cell: ({ summary, alert }) => (
          <>
            <Visible text={summary} most={400} />
            <br />
            <span class="quiet small">{alert}</span>
          </>
        ),
      },
      { head: 'state', cell: (alert) => <State alert={alert} /> },
      {
        head: 'since',
        cell: ({ since, resolvedAt }) =>
          resolvedAt === null ? (
            <Ago at={since} />
          ) : (
            <>
              over <Ago at={resolvedAt} />
            </>
          ),
      },
      { head: 'why', cell: (alert) => <Why alert={alert} /> },
      { head: 'read on', cell: (alert) => <Links alert={alert} /> },
    ]}
  />
);

const Quiet = ({ answer }: { readonly answer: AlertsAnswer }) => {
  const { evaluatedAt } = answer;
  const now = useNow();
  if (evaluatedAt === null) {
    return answer.isEvaluated ? (
      <Empty title="Nobody has looked yet">The first look is taken within half a minute.</Empty>
    ) : (
      <Empty title="Alerts are not evaluated here">Grafana or Prometheus may do so.</Empty>
    );
  }
  const known = knownIn(answer, now);
  const looked = (
    <>
      Looked at <Ago at={evaluatedAt} />.
    </>
  );
  if (known === 'old')
    return <Empty title="Nobody looks now">No alert fired then, which says little of now. {looked}</Empty>;
  if (known === 'partly') return <Empty title="No alert fires among those that have an answer">{looked}</Empty>;
  return <Empty title="No alert fires">All is as it should be. {looked}</Empty>;
};

const Blind = ({ unanswered }: { readonly unanswered: readonly string[] }) =>
  unanswered.length === 0 ? null : (
    <p class="banner warn">
      <strong>{plural(unanswered.length, 'alert')} without an answer now</strong>, left as before:{' '}
      {unanswered.join(', ')}.
    </p>
  );

const Now = ({ answer }: { readonly answer: AlertsAnswer }) => {
  const open = answer.alerts.filter(({ state }) => state !== 'resolved');
  return (
    <>
      <Blind unanswered={answer.unanswered} />
      {open.length === 0 ? <Quiet answer={answer} /> : <AlertTable caption="Firing and pending" alerts={open} />}
    </>
  );
};

const Rules = () => {
  const live = useLive<{ readonly rules: readonly Rule[] }>('v1/alerts/rules', 60_000);
  return (
    <Card title="All alerts" id="alert-rules">
      <Shown what="the alerts that there are" live={live}>
        {({ rules }) => (
          <DataTable<Rule>
            caption="Alerts as they are in force"
            rows={rules}
            rowKey={({ alert }) => alert}
            columns={[
              { head: 'alert', isMain: true, cell: ({ alert }) => <code>{alert}</code> },
              { head: 'severity', cell: ({ isOff, severity }) => (isOff ? <Chip>off</Chip> : severity) },
              { head: 'fires when', cell: ({ when }) => when },
              { head: 'for', isShort: true, cell: ({ for: held }) => (held === '0ms' ? 'at once' : held) },
              { head: 'read on', cell: ({ runbook }) => <Link address={runbook}>Runbook</Link> },
            ]}
          />
        )}
      </Shown>
    </Card>
  );
};

/** What is wrong now, since when, and what most probably brings it about. */
export const AlertsPage = () => {
  const live = useAlerts();
  const firing = firingIn(live.data).length;
  const over = (live.data?.alerts ?? []).filter(({ state }) => state === 'resolved');
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Alerts</h1>
          <p>What is wrong now, since when, and what most probably brings it about. Looked at every 15 seconds.</p>
        </div>
      </div>
      <Card title={firing === 0 ? 'Now' : `${plural(firing, 'alert')} firing`} id="alerts-now">
        <Shown what="alerts" live={live}>
          {(answer) => <Now answer={answer} />}
        </Shown>
      </Card>
      {over.length === 0 ? null : (
        <Card title="Over within the last hour" id="alerts-over">
          <AlertTable caption="Ended alerts" alerts={over} />
        </Card>
      )}
      <Rules />
    </>
  );
};
