import { useEffect, useMemo, useState } from 'preact/hooks';
import { number, plural } from '../app/format.ts';
import { At, Card, Chip, Choice, type Tone } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { get, isShutOut } from '../app/session.ts';
import { Empty, FailureBox, Loading } from '../app/states.tsx';
import { DataTable } from '../app/table.tsx';
import { after, nowMs } from '../app/time.ts';
import { Visible } from '../app/visible.tsx';
import { createFeed, type Feed, type LoggedEvent } from './events/feed.ts';

const source = createFeed({ get: (path) => get(path), after, isHidden: () => document.hidden || isShutOut() });

const kinds = ['all', 'block', 'allow', 'mode', 'breaker', 'switch'] as const;
type Kind = (typeof kinds)[number];
const shownStep = 100;

const tones: Readonly<Record<string, Tone>> = {
  proposed: 'warn',
  active: 'bad',
  confirmed: 'bad',
  lifted: 'good',
  shadow: 'info',
};

/** An allow entry that is set, or a mode, is nothing bad; a breaker that opens is. */
const toneOf = ({ kind, state }: LoggedEvent): Tone => {
  if (kind === 'block') return tones[state] ?? 'plain';
  if (state !== 'active') return 'plain';
  return kind === 'breaker' || kind === 'switch' ? 'bad' : 'info';
};

/** What is no block holds from `active` to `lifted`. */
const stateText = ({ kind, state }: LoggedEvent): string => {
  if (kind === 'block') return state;
  if (kind === 'breaker') return state === 'active' ? 'opened' : 'reset';
  if (kind === 'switch') return state === 'active' ? 'off' : 'on again';
  return state === 'active' ? 'set' : 'ended';
};

const About = ({ event }: { readonly event: LoggedEvent }) => {
  const { kind, blockId, subject, rule } = event;
  if (kind === 'allow' && subject !== null) {
    return (
      <a href={hrefOf(`/clients/${part(subject)}`)}>
        <code>
          <Visible text={subject} />
        </code>
      </a>
    );
  }
  if (kind !== 'block' || blockId === null) return <code>{rule === '*' ? 'all rules' : rule}</code>;
  return (
    <>
      <a href={hrefOf(`/blocks/${part(blockId)}`)}>
        <code>
          <Visible text={subject ?? blockId} />
        </code>
      </a>
      {rule === '' ? null : <div class="quiet small">{rule}</div>}
    </>
  );
};

const EventTable = ({ events }: { readonly events: readonly LoggedEvent[] }) => (
  <DataTable<LoggedEvent>
    caption="Events, newest first"
    rows={events}
    rowKey={({ cursor }) => cursor}
    columns={[
      { head: 'about', isMain: true, cell: (event) => <About event={event} /> },
      { head: 'at', cell: ({ at }) => <At at={at} /> },
      { head: 'kind', cell: ({ kind }) => kind },
      { head: 'now', cell: (event) => <Chip tone={toneOf(event)}>{stateText(event)}</Chip> },
      { head: 'by', cell: ({ actor }) => <Visible text={actor} /> },
      { head: 'why', cell: ({ reason }) => (reason === '' ? null : <Visible text={reason} />) },
    ]}
  />
);

const matches = ({ kind, subject, rule, actor, reason, state }: LoggedEvent, wanted: Kind, text: string): boolean =>
  (wanted === 'all' || kind === wanted) &&
  (text === '' || `${subject ?? ''} ${rule} ${actor} ${reason} ${state}`.toLowerCase().includes(text.toLowerCase()));

interface ListProps {
  readonly feed: Feed;
  readonly kind: Kind;
  readonly text: string;
}

const EventList = ({ feed, kind, text }: ListProps) => {
  const [shown, show] = useState(shownStep);
  const found = useMemo(() => feed.events.filter((event) => matches(event, kind, text)), [feed.events, kind, text]);
  if (feed.events.length === 0) {
    return feed.isCaughtUp ? (
      <Empty title="Nothing has happened yet">
        Every change of a block, an allow entry, a mode, a breaker and a switch is told here, with who and why.
      </Empty>
    ) : null;
  }
  if (found.length === 0) return <Empty title={`None of ${plural(feed.events.length, 'event')} matches`} />;
  return (
    <>
      <EventTable events={found.slice(0, shown)} />
      {found.length > shown ? (
        <button type="button" onClick={() => show(shown + shownStep)}>
          Show more of {number(found.length)}
        </button>
      ) : null}
    </>
  );
};

const startedAtMs = nowMs();

/** The audit feed: what happened, newest first, and what happens now. */
export const EventsPage = () => {
  const [isPaused, pause] = useState(false);
  const [kind, choose] = useState<Kind>('all');
  const [text, setText] = useState('');
  useEffect(() => (isPaused ? undefined : source.watch()), [isPaused]);
  const feed = source.feed.value;
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Events</h1>
          <p>Who changed what, and why. Nothing in it is ever changed; new ones appear at the top.</p>
        </div>
        <button type="button" aria-pressed={isPaused} onClick={() => pause(!isPaused)}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
      </div>
      <div class="toolbar">
        <Choice
          label="What kind"
          options={kinds.map((value) => ({ value, text: value === 'all' ? 'all' : value }))}
          value={kind}
          onChange={choose}
        />
        <label class="search">
          <span class="visually-hidden">Filter events</span>
          <input
            type="search"
            placeholder="Filter by client, rule, person, reason…"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
      </div>
      <Card title={feed.read === 0 ? 'Events' : `${plural(feed.read, 'event')} read`} id="events">
        {feed.failure === null ? null : <FailureBox what="Events" failure={feed.failure} />}
        {feed.hasGap ? <p class="stale-note">The log has dropped older events while this page was open.</p> : null}
        {feed.isCaughtUp || feed.failure !== null ? null : <Loading what="events" sinceMs={startedAtMs} />}
        <EventList feed={feed} kind={kind} text={text} />
      </Card>
    </>
  );
};
