import { useMemo, useState } from 'preact/hooks';
import type { PageProps } from '../app/page.ts';
import { Ago, Card, Choice } from '../app/parts.tsx';
import { hrefOf } from '../app/router.ts';
import { Empty, Shown } from '../app/states.tsx';
import { subjectOf } from '../app/subject.ts';
import { nowMs } from '../app/time.ts';
import { Visible } from '../app/visible.tsx';
import { ActPanel, useActKeys } from '../review/act-panel.tsx';
import { useBlock } from '../review/block-detail.tsx';
import { createDesk, type Desk } from '../review/desk.ts';
import { ClientActions } from './actions.tsx';
import { BlocksCard } from './blocks.tsx';
import { HistoryChart, useHistory } from './history-chart.tsx';
import { StandingCard } from './standing.tsx';
import { TotalsCards } from './totals.tsx';
import type { Explanation } from './types.ts';
import { useExplanation, VerdictCard } from './verdict.tsx';

const hourMs = 3_600_000;
const ranges = [
  { value: 'hour', text: '1 h', ms: hourMs, words: 'the last hour' },
  { value: 'day', text: '24 h', ms: 24 * hourMs, words: 'the last 24 hours' },
  { value: 'week', text: '7 d', ms: 168 * hourMs, words: 'the last 7 days' },
] as const;
type RangeName = (typeof ranges)[number]['value'];

const Course = ({ subject }: { readonly subject: string }) => {
  const [name, choose] = useState<RangeName>('hour');
  const range = ranges.find(({ value }) => value === name) ?? ranges[0];
  // To the minute: the same question as long as the page is looked at.
  const fromMs = useMemo(() => Math.floor((nowMs() - range.ms) / 60_000) * 60_000, [range]);
  const isNetwork = /^(?:[^:/]+\/)?network:/.test(subject);
  const live = useHistory(isNetwork ? null : subject, { fromMs, toMs: null });
  if (isNetwork) {
    return (
      <Card title="Decisions" id="client-course">
        <Empty title="A network decides nothing">Its addresses do: look at one of them.</Empty>
      </Card>
    );
  }
  return (
    <>
      <Card
        title="Decisions"
        id="client-course"
        aside={<Choice label="Of which time" options={ranges} value={name} onChange={choose} />}
      >
        <Shown what="its decisions" live={live}>
          {(history) =>
            history.firstSeenAt === null ? (
              <Empty title={`Nothing is stored of it in ${range.words}`} />
            ) : (
              <>
                <p class="quiet">
                  first seen <Ago at={history.firstSeenAt} />, last <Ago at={history.lastSeenAt} />
                </p>
                <HistoryChart history={history} range={range.words} />
              </>
            )
          }
        </Shown>
      </Card>
      {live.data === null ? null : <TotalsCards history={live.data} />}
    </>
  );
};

const OwnBlock = ({ id, desk }: { readonly id: string; readonly desk: Desk }) => {
  const { block } = useBlock(id);
  useActKeys(block === null ? null : (intent) => desk.start(block, intent));
  return block === null ? null : <ActPanel block={block} desk={desk} />;
};

/** The block or proposal of exactly this client: what stands for a network is somebody else's. */
const ownBlockOf = ({ standing, subject }: Explanation): string | null =>
  standing.entries.find((entry) => entry.subject === subject)?.blockId ?? standing.proposalId;

const kindTexts: Readonly<Record<string, string>> = {
  ip: 'Address',
  user: 'User',
  key: 'API key',
  network: 'Network',
};

const splitSubject = (
  subject: string,
): { readonly kind: string; readonly id: string; readonly tenant: string | null } => {
  const [, tenant = null, kind = '', id = ''] = /^(?:([^/:]+)\/)?([a-z]+):(.*)$/s.exec(subject) ?? [];
  return { tenant, kind, id: kind === '' ? subject : id };
};

const Head = ({ subject }: { readonly subject: string }) => {
  const { kind, id, tenant } = splitSubject(subject);
  return (
    <header class="client-head">
      <p class="quiet">
        {kindTexts[kind] ?? 'Client'}
        {tenant === null ? null : (
          <>
            {' '}
            in <Visible text={tenant} most={64} />
          </>
        )}
      </p>
      <h1 tabIndex={-1}>
        <code>
          <Visible text={id} most={512} />
        </code>
      </h1>
    </header>
  );
};

/** Everything that is known of one client. */
export const ClientPage = ({ params }: PageProps) => {
  const subject = subjectOf(params['subject'] ?? '');
  const live = useExplanation(subject);
  const desk = useMemo(() => createDesk(), []);
  const own = live.data === null ? null : ownBlockOf(live.data);
  return (
    <div class="client-page">
      <Head subject={subject} />
      <VerdictCard live={live} />
      {live.data === null ? null : (
        <>
          <div class="client-acts">
            {own === null ? null : <OwnBlock key={own} id={own} desk={desk} />}
            <ClientActions subject={subject} isBlocked={live.data.standing.entries.length > 0} />
          </div>
          <StandingCard standing={live.data.standing} subject={live.data.subject} />
          <BlocksCard subject={subject} />
          <Course subject={subject} />
          <p class="quiet">
            <a href={hrefOf('/queue', { show: 'all', subject })}>Its blocks in the queue</a>
          </p>
        </>
      )}
    </div>
  );
};
