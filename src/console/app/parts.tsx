import type { ComponentChildren } from 'preact';
import { type BlockState, type Subject, subjectText } from './api-types.ts';
import { instant, relative, term } from './format.ts';
import { useNow } from './now.ts';
import { hrefOf, part } from './router.ts';
import { Visible } from './visible.tsx';

/** A part of a page under a heading of its own. */
export const Card = ({ title, id, aside, children }: CardProps) => (
  <section class="card" aria-labelledby={id}>
    <header>
      <h2 id={id}>{title}</h2>
      {aside ? <div class="aside">{aside}</div> : null}
    </header>
    {children}
  </section>
);

interface CardProps {
  readonly title: string;
  /** Of its heading; one of its kind on the page. */
  readonly id: string;
  /** Beside the heading: a choice, a count. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'plain';

/** A word that stands out; the tone is never all that tells. */
export const Chip = ({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) => (
  <span class={`chip ${tone}`}>{children}</span>
);

const stateTones: Readonly<Record<BlockState, Tone>> = {
  shadow: 'info',
  proposed: 'warn',
  active: 'bad',
  confirmed: 'bad',
  lifted: 'good',
  expired: 'plain',
  superseded: 'plain',
};

export const StateChip = ({ state }: { readonly state: BlockState }) => (
  <Chip tone={stateTones[state] ?? 'plain'}>{state}</Chip>
);

/** `3 min ago`, with the instant itself on it. */
export const Ago = ({ at }: { readonly at: string | number | null }) => {
  const now = useNow();
  if (at === null) return <>—</>;
  const iso = new Date(at).toISOString();
  return (
    <time dateTime={iso} title={instant(at, now)}>
      {relative(at, now)}
    </time>
  );
};

/** `14:03:22`. */
export const At = ({ at }: { readonly at: string | number | null }) => {
  const now = useNow();
  if (at === null) return <>—</>;
  return (
    <time dateTime={new Date(at).toISOString()} title={relative(at, now)}>
      {instant(at, now)}
    </time>
  );
};

/** A client, user, key or network, and the way to its page. */
export const SubjectLink = ({ subject }: { readonly subject: Subject }) => (
  <a class="subject" href={hrefOf(`/clients/${part(subjectText(subject))}`)}>
    <span class="kind">{subject.kind}</span>{' '}
    <code>
      <Visible text={subject.id} most={130} />
    </code>
    {subject.tenant === undefined ? null : <span class="kind"> in {subject.tenant}</span>}
  </a>
);

export interface Fact {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly tone?: Tone;
  /** In small print below. */
  readonly detail?: ComponentChildren;
}

/** Names and their values, one below the other. */
export const Facts = ({ facts }: { readonly facts: readonly Fact[] }) => (
  <dl class="facts">
    {facts.map(({ name, value, tone = 'plain', detail }) => (
      <div key={name} class={tone}>
        <dt>{name}</dt>
        <dd>
          {value}
          {detail ? <span class="quiet"> {detail}</span> : null}
        </dd>
      </div>
    ))}
  </dl>
);

/** One number that is looked at first. */
export const Tile = ({ name, value, detail, tone = 'plain' }: TileProps) => (
  <div class={`tile ${tone}`}>
    <dt>{name}</dt>
    <dd class="value">{value}</dd>
    {detail ? <dd class="detail">{detail}</dd> : null}
  </div>
);

interface TileProps {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly detail?: ComponentChildren;
  /** An outcome, or a tone. */
  readonly tone?: Tone | 'allowed' | 'denied' | 'blocked' | 'degraded';
}

export interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly options: readonly { readonly value: Value; readonly text: string }[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

/** One of a few, all in sight. */
export const Choice = <Value extends string>({ label, options, value, onChange }: ChoiceProps<Value>) => (
  <fieldset class="choice">
    <legend class="visually-hidden">{label}</legend>
    {options.map((option) => (
      <button
        key={option.value}
        type="button"
        aria-pressed={option.value === value}
        onClick={() => onChange(option.value)}
      >
        {option.text}
      </button>
    ))}
  </fieldset>
);

/** `limited to 60 per 1 min`. */
export const actionText = (action: {
  readonly kind: string;
  readonly limit?: number;
  readonly windowMs?: number;
}): string => (action.kind === 'limit' ? `limited to ${action.limit} per ${term(action.windowMs)}` : 'refused');
