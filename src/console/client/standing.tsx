import { plural } from '../app/format.ts';
import { At, actionText, Card, type Fact, Facts } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { Visible } from '../app/visible.tsx';
import type { Standing } from './types.ts';

const BlockLink = ({ id, children }: { readonly id: string; readonly children: string }) => (
  <a href={hrefOf(`/blocks/${part(id)}`)}>{children}</a>
);

const entryFact = ({ entries }: Standing, subject: string): Fact => {
  if (entries.length === 0) return { name: 'Blocked', value: 'no', tone: 'good' };
  return {
    name: 'Blocked',
    tone: 'bad',
    value: entries.map(({ subject: hit, blockId, rule, action, expiresAt }) => (
      <p key={blockId}>
        {actionText(action)} until <At at={expiresAt} /> <BlockLink id={blockId}>{`by ${rule}`}</BlockLink>
        {hit === subject ? null : (
          <span class="quiet">
            {' '}
            as part of <Visible text={hit} most={80} />
          </span>
        )}
      </p>
    )),
  };
};

const allowFact = ({ allowed }: Standing): Fact => ({
  name: 'Allowed',
  value:
    allowed.length === 0
      ? 'no'
      : allowed.map(({ subject, kind, until, note, actor }) => (
          <p key={subject}>
            {kind === 'canary' ? 'declared good' : 'allowed'} until <At at={until} />, by{' '}
            <Visible text={actor} most={64} />: <Visible text={note} most={400} />{' '}
            <span class="quiet">
              (<Visible text={subject} most={80} />)
            </span>
          </p>
        )),
});

const factsOf = (standing: Standing, subject: string): Fact[] => [
  entryFact(standing, subject),
  {
    name: 'Proposed',
    value: standing.proposalId === null ? 'no' : <BlockLink id={standing.proposalId}>look at the proposal</BlockLink>,
    tone: standing.proposalId === null ? 'plain' : 'warn',
  },
  allowFact(standing),
  {
    name: 'Detectors leave it alone',
    value:
      standing.tombstoneUntil === null ? (
        'no'
      ) : (
        <>
          until <At at={standing.tombstoneUntil} />
        </>
      ),
    ...(standing.tombstoneUntil === null ? {} : { detail: 'because it was lifted' }),
  },
  {
    name: 'Strikes',
    value: standing.strikes.length === 0 ? 'none' : plural(standing.strikes.length, 'strike'),
    detail: standing.strikes.map(({ blockId, until }) => (
      <span key={blockId}>
        {' '}
        <BlockLink id={blockId}>block</BlockLink> counts until <At at={until} />
      </span>
    )),
  },
];

/** Where it stands with the block list now. */
export const StandingCard = ({ standing, subject }: { readonly standing: Standing; readonly subject: string }) => (
  <Card title="Standing" id="client-standing">
    <Facts facts={factsOf(standing, subject)} />
  </Card>
);
