import { useId, useState } from 'preact/hooks';
import { queryText } from '../app/client.ts';
import { number } from '../app/format.ts';
import { type Live, useLive } from '../app/live.ts';
import { At, Card, Chip, type Tone } from '../app/parts.tsx';
import { hrefOf, part, place, replaceQuery } from '../app/router.ts';
import { session } from '../app/session.ts';
import { Empty, Shown } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';
import { Visible } from '../app/visible.tsx';
import type { Explanation, MatchedPolicy, StoredDecision } from './types.ts';

const pauseMs = 5000;

/** Who sees some tenants only must say which one is meant. */
const tenantFor = (subject: string, asked: string | null): string | null => {
  if (/^[^:/]+\//.test(subject)) return null;
  return asked ?? session.value?.tenants?.[0] ?? null;
};

/** What the address of the page asks about. */
export const useExplanation = (subject: string): Live<Explanation> => {
  const { query } = place.value;
  const at = query.get('at') ?? '';
  // An instant of the past stays what it was.
  return useLive<Explanation>(
    `v1/explain${queryText({ subject, tenant: tenantFor(subject, query.get('tenant')), at, route: query.get('route') })}`,
    at === '' ? pauseMs : 0,
  );
};

const tones: Readonly<Record<Explanation['tone'], Tone>> = { bad: 'bad', doubtful: 'warn', good: 'good' };

/** `2026-01-31T12:00` of this browser's time, as its field for instants takes it. */
const fieldText = (at: string): string => {
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return '';
  return new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
};

const AskForm = () => {
  const { query } = place.value;
  const [at, setAt] = useState(fieldText(query.get('at') ?? ''));
  const [route, setRoute] = useState(query.get('route') ?? '');
  const id = useId();
  const ask = (event: Event): void => {
    event.preventDefault();
    replaceQuery({ at: at === '' ? '' : new Date(at).toISOString(), route: route.trim() });
  };
  const now = (): void => {
    setAt('');
    replaceQuery({ route: route.trim() });
  };
  return (
    <form class="toolbar ask" onSubmit={ask}>
      <label for={`${id}-at`}>
        When
        <input
          id={`${id}-at`}
          type="datetime-local"
          step="1"
          value={at}
          onInput={(event) => setAt(event.currentTarget.value)}
        />
      </label>
      <label for={`${id}-route`}>
        On which route, if known
        <input
          id={`${id}-route`}
          value={route}
          placeholder="GET /orders/:id"
          spellcheck={false}
          maxLength={512}
          onInput={(event) => setRoute(event.currentTarget.value)}
        />
      </label>
      <button type="submit">Explain</button>
      {query.get('at') === null ? null : (
        <button type="button" class="quiet" onClick={now}>
          Back to now
        </button>
      )}
    </form>
  );
};

const outcomeTones: Readonly<Record<StoredDecision['outcome'], Tone>> = {
  allowed: 'good',
  denied: 'warn',
  blocked: 'bad',
};

const byText = ({ outcome, policy, policyVersion, limit, remaining, degraded }: StoredDecision) => {
  if (outcome === 'blocked') {
    return (
      <a href={hrefOf(`/blocks/${part(policyVersion)}`)}>
        block of <Visible text={policy} most={64} />
      </a>
    );
  }
  if (policy === '') return <span class="quiet">no policy</span>;
  return (
    <>
      <Visible text={policy} most={64} />{' '}
      <span class="quiet">
        {number(remaining)} of {number(limit)} left{degraded === '' ? '' : `, without the store: ${degraded}`}
      </span>
    </>
  );
};

const Decisions = ({ decisions }: { readonly decisions: readonly StoredDecision[] }) =>
  decisions.length === 0 ? (
    <p class="quiet">Nothing is stored of it within a quarter of an hour.</p>
  ) : (
    <details>
      <summary>{number(decisions.length)} decisions around then</summary>
      <DataTable
        caption="Decisions, newest first"
        rows={decisions.slice(0, 100)}
        rowKey={(row) => `${decisions.indexOf(row)}`}
        columns={[
          { head: 'when', isMain: true, cell: ({ at }) => <At at={at} /> },
          {
            head: 'outcome',
            cell: ({ outcome, count }) => (
              <>
                <Chip tone={outcomeTones[outcome]}>{outcome}</Chip> {count > 1 ? `× ${number(count)}` : ''}
              </>
            ),
          },
          {
            head: 'route',
            cell: ({ route }) => (
              <code>
                <Visible text={route} most={120} />
              </code>
            ),
          },
          { head: 'by', cell: byText },
        ]}
      />
    </details>
  );

const Policies = ({ policies }: { readonly policies: readonly MatchedPolicy[] }) =>
  policies.length === 0 ? null : (
    <ul class="matched">
      {policies.map(({ name, verdict, reason, mode }) => (
        <li key={name}>
          <Chip tone={verdict === 'applies' ? 'info' : 'plain'}>
            {verdict === 'applies' ? 'applies' : 'does not count'}
          </Chip>{' '}
          <b>{name}</b> {reason} {mode === 'shadow' ? <span class="quiet">(in shadow)</span> : null}
        </li>
      ))}
    </ul>
  );

const Found = ({ explanation }: { readonly explanation: Explanation }) => {
  const { verdict, tone, decisions, policies } = explanation;
  return (
    <>
      <p class={`verdict ${tones[tone]}`} role="status">
        <Visible text={verdict} most={3000} />
      </p>
      <Policies policies={policies} />
      {decisions === null ? (
        <Empty title="Without the stored decisions">
          The analytics database is out of reach: this is what the block list alone knows.
        </Empty>
      ) : (
        <Decisions decisions={decisions} />
      )}
    </>
  );
};

/** Why it is refused, or was at an instant: the sentence first. */
export const VerdictCard = ({ live }: { readonly live: Live<Explanation> }) => {
  const at = place.value.query.get('at');
  return (
    <Card
      title={at === null ? 'Now' : 'Then'}
      id="client-verdict"
      aside={at === null ? null : <At at={Number.isNaN(new Date(at).getTime()) ? null : at} />}
    >
      <Shown what="the explanation" live={live}>
        {(explanation) => <Found explanation={explanation} />}
      </Shown>
      <AskForm key={at ?? ''} />
    </Card>
  );
};
