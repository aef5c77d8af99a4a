import { useEffect } from 'preact/hooks';
import type { BlockView } from '../app/api-types.ts';
import { subjectText } from '../app/api-types.ts';
import { useLive } from '../app/live.ts';
import { Ago, actionText, Chip, StateChip, SubjectLink } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { Visible } from '../app/visible.tsx';
import { ActPanel } from './act-panel.tsx';
import type { Desk } from './desk.ts';
import { EvidenceCard } from './evidence.tsx';
import { HistoryCard } from './history.tsx';
import { KnockingCard } from './knocking.tsx';
import { learn, shownBlock } from './known.ts';
import { RuleCard } from './rule-card.tsx';
import { VerifyCard } from './verify.tsx';
import { whyText } from './why.ts';

const labelTexts: Readonly<Record<string, string>> = {
  confirmed: 'judged right',
  'false-positive': 'judged wrong',
  goodwill: 'let go as goodwill',
};

/** The block as it is now, and what is wrong where that is not known. */
export const useBlock = (id: string) => {
  const live = useLive<BlockView>(`v1/blocks/${part(id)}`);
  const { data } = live;
  useEffect(() => {
    if (data !== null) learn([data]);
  }, [data]);
  return { live, block: shownBlock(id) ?? data };
};

/** Nobody is refused or slowed down for it. */
const isOnlyNoted = ({ state }: BlockView): boolean => state === 'proposed' || state === 'shadow';

const Chips = ({ block }: { readonly block: BlockView }) => (
  <p class="chips">
    <StateChip state={block.state} />
    <Chip>{isOnlyNoted(block) ? `would be ${actionText(block.action)}` : actionText(block.action)}</Chip>
    <Chip>{block.origin === 'detector' ? `rule ${block.rule}` : block.rule}</Chip>
    {block.label == null ? null : <Chip tone="info">{labelTexts[block.label] ?? block.label}</Chip>}
    {block.assignee ? (
      <Chip tone="info">
        with <Visible text={block.assignee} most={40} />
      </Chip>
    ) : null}
    <span class="quiet">
      <Ago at={block.blockedAt} />
    </span>
  </p>
);

/** Who and why, and what can be done about it. */
export const BlockHead = ({
  block,
  desk,
  level,
}: {
  readonly block: BlockView;
  readonly desk: Desk;
  readonly level: 'h1' | 'h2';
}) => {
  const Heading = level;
  return (
    <header class="block-head">
      <Heading tabIndex={-1}>
        <SubjectLink subject={block.subject} />
      </Heading>
      <Chips block={block} />
      <p class="why">
        <Visible text={whyText(block)} most={2000} />
      </p>
      {block.reason === '' ? null : (
        <blockquote>
          <Visible text={block.reason} isProse most={2000} /> <span class="quiet">{block.actor}</span>
        </blockquote>
      )}
      <ActPanel block={block} desk={desk} />
    </header>
  );
};

const Links = ({ block }: { readonly block: BlockView }) => {
  const client = `/clients/${part(subjectText(block.subject))}`;
  return (
    <p class="quiet">
      <a href={hrefOf(client)}>All about this client</a> ·{' '}
      <a href={hrefOf(client, { at: block.evidence?.lastSeenAt ?? block.blockedAt })}>What was decided then</a> ·{' '}
      <code>{block.id}</code>
    </p>
  );
};

/** Everything that is known of a block. */
export const BlockDetail = ({
  block,
  desk,
  level,
}: {
  readonly block: BlockView;
  readonly desk: Desk;
  readonly level: 'h1' | 'h2';
}) => (
  <>
    <BlockHead block={block} desk={desk} level={level} />
    <div class="block-cards">
      <EvidenceCard block={block} />
      <KnockingCard block={block} />
      <HistoryCard block={block} desk={desk} />
      <RuleCard block={block} />
      <VerifyCard block={block} />
    </div>
    <Links block={block} />
  </>
);
