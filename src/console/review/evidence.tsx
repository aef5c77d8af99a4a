import type { BlockView, Evidence } from '../app/api-types.ts';
import { duration, number, plural, share } from '../app/format.ts';
import { Card, type Fact, Facts } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { Empty } from '../app/states.tsx';
import { Visible } from '../app/visible.tsx';
import { Course } from './course.tsx';
import { Timeline } from './timeline.tsx';
import { windowsText } from './why.ts';

const Routes = ({ evidence }: { readonly evidence: Evidence }) => {
  const most = Math.max(1, ...evidence.routes.map(({ denied }) => denied));
  const hidden = evidence.distinctRoutes - evidence.routes.length;
  return (
    <div class="routes">
      <h3>Denied by route</h3>
      <ul>
        {evidence.routes.map(({ route, denied }) => (
          <li key={route}>
            <span class="route">
              <code>
                <Visible text={route} />
              </code>
            </span>
            <svg class="route-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
              <rect class="denied" width={Math.max(1, (100 * denied) / most)} height="8" />
            </svg>
            <span class="number">{number(denied)}</span>
          </li>
        ))}
      </ul>
      {hidden > 0 ? <p class="quiet small">and {plural(hidden, 'further route')}</p> : null}
    </div>
  );
};

const collateralFact = ({ collateral }: Evidence): Fact[] => {
  if (collateral === null) return [];
  const { identities } = collateral;
  return [
    {
      name: 'Signed-in clients behind it',
      value: number(identities),
      tone: identities > 0 ? 'warn' : 'plain',
      detail: identities > 0 ? 'a block hits them too' : 'none seen lately',
    },
  ];
};

const memberFact = ({ members }: Evidence): Fact[] =>
  members === null
    ? []
    : [
        {
          name: 'Denied clients in this network',
          value: number(members.clients),
          detail: (
            <span class="members">
              {members.most.map((member) => (
                <a key={member} href={hrefOf(`/clients/${part(member)}`)}>
                  <Visible text={member} />
                </a>
              ))}
            </span>
          ),
        },
      ];

const factsOf = (block: BlockView, evidence: Evidence): Fact[] => {
  const decisions = evidence.denied + evidence.allowed;
  return [
    {
      name: 'Denied',
      value: number(evidence.denied),
      detail: `${share(evidence.denied / Math.max(1, decisions))} of ${number(decisions)}`,
    },
    {
      name: 'Came back too early',
      value: evidence.early === null ? 'not known' : number(evidence.early),
      ...(evidence.early ? { detail: `${share(evidence.early / Math.max(1, evidence.denied))} of the denied` } : {}),
    },
    ...collateralFact(evidence),
    ...memberFact(evidence),
    { name: 'Windows', value: windowsText(evidence) },
    { name: 'Policies', value: <Visible text={evidence.policies.join(', ')} /> },
    { name: 'Strikes, this one included', value: number(block.strikes) },
    { name: 'Tenant', value: block.tenant === '' ? 'several, or none' : <Visible text={block.tenant} /> },
    {
      name: 'In the log',
      value: `partition ${evidence.log.partition}`,
      detail: `records ${number(evidence.log.fromOffset)} to ${number(evidence.log.toOffset)}`,
    },
  ];
};

const featureTexts: Readonly<Record<string, (value: number) => string>> = {
  deniedShare: share,
  topRouteShare: share,
  earlyShare: share,
  durationMs: duration,
};

const words = (name: string): string =>
  name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const Features = ({ features }: { readonly features: Readonly<Record<string, number>> }) => (
  <details>
    <summary>As numbers, as rules are compared by</summary>
    <Facts
      facts={Object.entries(features).map(([name, value]) => ({
        name: words(name),
        value: featureTexts[name]?.(value) ?? number(value),
      }))}
    />
  </details>
);

/** What the block rests on. */
export const EvidenceCard = ({ block }: { readonly block: BlockView }) => {
  const { evidence } = block;
  return (
    <Card title="Evidence" id="block-evidence">
      <Timeline block={block} />
      <Course block={block} />
      {evidence === null ? (
        <Empty title={block.origin === 'list' ? 'It comes from an imported list' : 'A person blocked it'}>
          No detector concluded it, so there are no numbers: the reason is in its history.
        </Empty>
      ) : (
        <>
          <Routes evidence={evidence} />
          <Facts facts={factsOf(block, evidence)} />
          {evidence.features ? <Features features={evidence.features} /> : null}
        </>
      )}
    </Card>
  );
};
