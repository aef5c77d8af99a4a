import { useState } from 'preact/hooks';
import { number, plural, term } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { Card, Chip } from '../app/parts.tsx';
import { Empty, Shown } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';

interface Policy {
  readonly name: string;
  readonly match: Readonly<Record<string, readonly string[]>>;
  readonly scope: readonly string[];
  readonly algorithm: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
  readonly cost: number;
  readonly mode: string;
  readonly onStoreFailure: string;
  readonly consistency: string;
  readonly group: string | null;
  readonly priority: number;
  readonly candidateFor: string | null;
}

interface PoliciesAnswer {
  readonly version: string;
  readonly policies: readonly Policy[];
  readonly nextCursor: string | null;
  readonly versions: Readonly<Record<string, number>>;
}

const shownNames = 4;

/** `routes GET /a, POST /b and 12 more`. */
const Matches = ({ match }: { readonly match: Policy['match'] }) => {
  const parts = Object.entries(match);
  if (parts.length === 0) return <span class="quiet">all requests</span>;
  return (
    <ul>
      {parts.map(([what, names]) => (
        <li key={what}>
          <span class="quiet">{what}</span>{' '}
          {names.slice(0, shownNames).map((name, index) => (
            <span key={name}>
              {index > 0 ? ', ' : ''}
              <code>{name}</code>
            </span>
          ))}
          {names.length > shownNames ? <span class="quiet"> and {names.length - shownNames} more</span> : null}
        </li>
      ))}
    </ul>
  );
};

const Mode = ({ policy }: { readonly policy: Policy }) => (
  <>
    <Chip tone={policy.mode === 'shadow' ? 'info' : 'plain'}>{policy.mode}</Chip>
    {policy.candidateFor === null ? null : (
      <div class="quiet small">
        tried out for <code>{policy.candidateFor}</code>
      </div>
    )}
  </>
);

const algorithmText = ({ algorithm, burst, limit, cost }: Policy): string =>
  [algorithm, burst === limit ? '' : `burst ${number(burst)}`, cost === 1 ? '' : `cost ${number(cost)}`]
    .filter((text) => text !== '')
    .join(', ');

const PolicyTable = ({ policies }: { readonly policies: readonly Policy[] }) => (
  <DataTable<Policy>
    caption="Policies by name"
    rows={policies}
    rowKey={({ name }) => name}
    columns={[
      {
        head: 'policy',
        isMain: true,
        cell: ({ name, group }) => (
          <>
            <code>{name}</code>
            {group === null ? null : <div class="quiet small">group {group}</div>}
          </>
        ),
      },
      {
        head: 'limit',
        cell: (policy) => (
          <>
            {number(policy.limit)} per {term(policy.windowMs)}
            <div class="quiet small">{algorithmText(policy)}</div>
          </>
        ),
      },
      { head: 'for', cell: ({ match }) => <Matches match={match} /> },
      { head: 'counted by', cell: ({ scope }) => (scope.length === 0 ? 'all together' : scope.join(' + ')) },
      { head: 'mode', cell: (policy) => <Mode policy={policy} /> },
      {
        head: 'without the store',
        cell: ({ onStoreFailure, consistency }) => (
          <>
            {onStoreFailure}
            {consistency === 'exact' || consistency === 'strict' ? null : <div class="quiet small">{consistency}</div>}
          </>
        ),
      },
    ]}
  />
);

const Versions = ({ answer }: { readonly answer: PoliciesAnswer }) => {
  const versions = Object.entries(answer.versions);
  if (versions.length <= 1) return null;
  return (
    <p class="banner warn" role="status">
      Gates run {versions.length} versions:{' '}
      {versions.map(([version, gates]) => `${version} (${plural(gates, 'gate')})`).join(', ')}. Shown is{' '}
      {answer.version}.
    </p>
  );
};

const matchesText = (policy: Policy, text: string): boolean =>
  JSON.stringify([policy.name, policy.match, policy.group, policy.mode]).toLowerCase().includes(text.toLowerCase());

const Found = ({ answer, text }: { readonly answer: PoliciesAnswer; readonly text: string }) => {
  const found = answer.policies.filter((policy) => matchesText(policy, text));
  if (found.length > 0) return <PolicyTable policies={found} />;
  return text === '' ? (
    <Empty title="No policy is in force">Without one every request is let through.</Empty>
  ) : (
    <Empty title={`None of ${plural(answer.policies.length, 'policy', 'policies')} matches`}>
      The names of policies, routes, tenants and plans are looked through.
    </Empty>
  );
};

/** What this process enforces, and whether other gates run other versions. */
export const PoliciesPage = () => {
  const live = useLive<PoliciesAnswer>('v1/policies?limit=1000');
  const [text, setText] = useState('');
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Policies in force</h1>
          <p>
            As this process has loaded them{live.data === null ? '' : `, version ${live.data.version}`}. They change by
            their file.
          </p>
        </div>
        <label class="search">
          <span class="visually-hidden">Filter policies</span>
          <input
            type="search"
            placeholder="Filter by name, route, tenant…"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
      </div>
      <Card
        title={live.data === null ? 'Policies' : plural(live.data.policies.length, 'policy', 'policies')}
        id="policies"
      >
        <Shown what="policies" live={live}>
          {(answer) => (
            <>
              <Versions answer={answer} />
              <Found answer={answer} text={text} />
              {answer.nextCursor === null ? null : <p class="quiet">The first 1,000 are shown.</p>}
            </>
          )}
        </Shown>
      </Card>
    </>
  );
};
