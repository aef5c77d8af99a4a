import { type BlockView, subjectText } from '../app/api-types.ts';
import { subjectOf } from '../app/subject.ts';

export const shows = ['due', 'proposed', 'active', 'confirmed', 'lifted', 'expired', 'shadow', 'all'] as const;
export type Show = (typeof shows)[number];
export const sorts = ['newest', 'oldest', 'ending', 'most-denied'] as const;
export type Sort = (typeof sorts)[number];

/** What the queue shows, as the address of the page says it. */
export interface QueueFilter {
  /** `due`: proposals, then what is in force and nobody has judged. */
  readonly show: Show;
  readonly sort: Sort;
  readonly rule: string;
  readonly kind: string;
  readonly tenant: string;
  /** '': everybody's; `me`; `nobody`. */
  readonly assignee: '' | 'me' | 'nobody';
  /** As it was typed. */
  readonly subject: string;
}

const oneOf = <T extends string>(all: readonly T[], text: string | null, usual: T): T =>
  all.find((each) => each === text) ?? usual;

export const filterOf = (query: URLSearchParams): QueueFilter => ({
  show: oneOf(shows, query.get('show'), 'due'),
  sort: oneOf(sorts, query.get('sort'), 'newest'),
  rule: query.get('rule') ?? '',
  kind: query.get('kind') ?? '',
  tenant: query.get('tenant') ?? '',
  assignee: oneOf(['', 'me', 'nobody'] as const, query.get('assignee'), ''),
  subject: query.get('subject') ?? '',
});

/** For the address: what is as usual is left out. */
export const queryOf = (filter: QueueFilter): Readonly<Record<string, string>> => ({
  ...filter,
  show: filter.show === 'due' ? '' : filter.show,
  sort: filter.sort === 'newest' ? '' : filter.sort,
});

export const isNarrowed = ({ rule, kind, tenant, assignee, subject }: QueueFilter): boolean =>
  [rule, kind, tenant, assignee, subject].some((value) => value !== '');

/** What a list of the API and a bulk change are asked by. */
export interface ApiFilter {
  readonly state?: string;
  readonly unjudged?: boolean;
  readonly rule?: string;
  readonly kind?: string;
  readonly tenant?: string;
  readonly assignee?: string;
  readonly subject?: string;
}

const narrowed = (filter: QueueFilter, me: string): ApiFilter => ({
  ...(filter.rule === '' ? {} : { rule: filter.rule }),
  ...(filter.kind === '' ? {} : { kind: filter.kind }),
  ...(filter.tenant === '' ? {} : { tenant: filter.tenant }),
  ...(filter.assignee === '' ? {} : { assignee: filter.assignee === 'me' ? me : '' }),
  ...(filter.subject === '' ? {} : { subject: subjectOf(filter.subject) }),
});

/** The questions whose answers, one after the other, are the queue. */
export const segmentsOf = (filter: QueueFilter, me: string): readonly ApiFilter[] => {
  const rest = narrowed(filter, me);
  if (filter.show === 'due')
    return [
      { state: 'proposed', ...rest },
      { state: 'active', unjudged: true, ...rest },
    ];
  return [filter.show === 'all' ? rest : { state: filter.show, ...rest }];
};

/** How many there are, for the same filter. */
export const countPathOf = (filter: ApiFilter): string => {
  const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
  return `v1/blocks/count?${query}`;
};

export const pathOf = (segment: ApiFilter, sort: Sort, limit: number): string => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(segment)) query.set(name, String(value));
  query.set('sort', sort);
  query.set('limit', String(limit));
  return `v1/blocks?${query}`;
};

/** Whether a block, as it is known now, is still one of those. */
export const matches = (segment: ApiFilter, block: BlockView): boolean => {
  const { state, unjudged, rule, kind, tenant, assignee, subject } = segment;
  if (state !== undefined && !state.split(',').includes(block.state)) return false;
  if (unjudged === true && (block.label ?? null) !== null) return false;
  if (rule !== undefined && block.rule !== rule) return false;
  if (kind !== undefined && block.subject.kind !== kind) return false;
  if (tenant !== undefined && block.tenant !== tenant && block.subject.tenant !== tenant) return false;
  if (subject !== undefined && subjectText(block.subject) !== subject) return false;
  return assignee === undefined || (block.assignee ?? '') === assignee;
};

/** One filter for the whole of the queue: proposals are judged by nobody either. */
export const wholeOf = (segments: readonly ApiFilter[]): ApiFilter => {
  const states = segments.flatMap(({ state }) => (state === undefined ? [] : [state]));
  const last = segments.at(-1) ?? {};
  return states.length === 0 ? last : { ...last, state: states.join(',') };
};
