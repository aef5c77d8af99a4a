/**
 * A block list in a page: what promoting, reviewing, adding and allowing do, written down a second time without a line of
 * the project's own code. Plain data, so that a search can go back to it. Times are seconds from a start.
 */
export interface BlockModel {
  now: number;
  /** Changes that were told. */
  changes: number;
  blocks: Record<string, ModelBlock>;
  entries: Record<number, { id: string; until: number }>;
  proposals: Record<number, { id: string; until: number }>;
  tombstones: Record<number, number>;
  allowed: Record<number, number>;
  strikes: Record<number, { id: string; until: number }[]>;
  /** Id of a verdict → what was answered, from the second time on. */
  verdicts: Record<string, string>;
  starts: number[];
  breaker: { state: string; since: number } | null;
}

interface ModelBlock {
  state: string;
  version: number;
  subject: number;
  made: number;
  until: number;
  label: string;
  assignee: string;
  /** As it was before the last step of a person. */
  before: null | {
    state: string;
    made: number;
    until: number;
    label: string;
    assignee: string;
    strike: number;
    tombstone: null | { was: number; is: number };
  };
}

export const newModel = (): BlockModel => ({
  now: 0,
  changes: 0,
  blocks: {},
  entries: {},
  proposals: {},
  tombstones: {},
  allowed: {},
  strikes: {},
  verdicts: {},
  starts: [],
  breaker: null,
});

export type BlockAct =
  | {
      readonly act: 'promote';
      readonly verdict: string;
      readonly subject: number;
      readonly mode: 'shadow' | 'review' | 'enforce';
    }
  | { readonly act: 'activate' | 'confirm' | 'undo'; readonly id: string; readonly ifVersion?: number }
  | { readonly act: 'assign'; readonly id: string; readonly ifVersion?: number; readonly assignee: string }
  | {
      readonly act: 'lift';
      readonly id: string;
      readonly ifVersion?: number;
      readonly falsePositive: boolean;
      /** Seconds. */
      readonly tombstone: number;
    }
  | { readonly act: 'extend'; readonly id: string; readonly ifVersion?: number; readonly seconds: number }
  | { readonly act: 'add' | 'allow'; readonly subject: number; readonly seconds: number }
  | { readonly act: 'disallow'; readonly subject: number }
  | { readonly act: 'reset' }
  | { readonly act: 'wait'; readonly seconds: number };

/** Subject 3 is the network that holds 0 and 1; 2 is elsewhere. */
export const modelSubjects = 4;
const around = (subject: number): readonly number[] => (subject < 2 ? [subject, 3] : [subject]);
const near = (subject: number): readonly number[] => (subject === 3 ? [3, 0, 1] : around(subject));

/** The terms of every promotion, seconds. */
export const modelTerms = {
  base: 60,
  factor: 2,
  max: 300,
  strikeTtl: 900,
  perHour: 4,
  perMinute: 3,
  hour: 3600,
  minute: 60,
};

const stateOf = (model: BlockModel, id: string): { state: string; version: number } | null => {
  const block = model.blocks[id];
  if (!block) return null;
  const isOver = block.until <= model.now && ['proposed', 'active', 'confirmed'].includes(block.state);
  return isOver ? { state: 'expired', version: block.version + 1 } : { state: block.state, version: block.version };
};

const entryOf = (model: BlockModel, subject: number): string | null => {
  const entry = model.entries[subject];
  return entry && entry.until > model.now ? entry.id : null;
};

const proposalOf = (model: BlockModel, subject: number): string | null => {
  const proposal = model.proposals[subject];
  return proposal && proposal.until > model.now ? proposal.id : null;
};

const firstOf = (ids: readonly (string | null)[]): string | null => ids.find((id) => id !== null) ?? null;
const holds = (until: number | undefined, now: number): boolean => until !== undefined && until > now;
const strikesOf = (model: BlockModel, subject: number) =>
  (model.strikes[subject] ?? []).filter(({ until }) => until > model.now);

const hasBudget = (model: BlockModel): boolean => {
  const { perHour, perMinute, hour, minute } = modelTerms;
  if (model.breaker?.state === 'half-open' && model.now - model.breaker.since >= hour) model.breaker = null;
  if (model.breaker?.state === 'open') return false;
  const since = model.breaker?.since ?? Number.NEGATIVE_INFINITY;
  const within = (length: number): number => model.starts.filter((at) => at > model.now - length && at > since).length;
  if (within(minute) < perMinute && within(hour) < perHour) return true;
  model.breaker = { state: 'open', since: model.now };
  model.changes += 1;
  return false;
};

const newBlock = (state: string, made: Pick<ModelBlock, 'subject' | 'made' | 'until'>): ModelBlock => ({
  ...made,
  state,
  version: 1,
  label: '',
  assignee: '',
  before: null,
});

const promote = (model: BlockModel, act: Extract<BlockAct, { act: 'promote' }>): string => {
  const { subject, verdict } = act;
  const known = model.verdicts[verdict];
  if (known !== undefined) return known;
  const answer = judged(model, act);
  const [kind = '', id] = answer.split(' ');
  const isMade = kind === 'active' || kind === 'proposed' || kind === 'shadow';
  model.verdicts[verdict] = isMade ? `already b-${verdict}` : answer;
  if (!isMade) return answer;
  const strikes = strikesOf(model, subject);
  const until = model.now + Math.min(modelTerms.max, modelTerms.base * modelTerms.factor ** strikes.length);
  model.blocks[`b-${verdict}`] = newBlock(kind, { subject, made: model.now, until });
  model.changes += 1;
  if (kind === 'proposed') model.proposals[subject] = { id: `b-${verdict}`, until };
  if (kind === 'active') {
    model.entries[subject] = { id: `b-${verdict}`, until };
    model.strikes[subject] = [...strikes, { id: `b-${verdict}`, until: model.now + modelTerms.strikeTtl }];
    model.starts.push(model.now);
  }
  return `${kind} ${id ?? `b-${verdict}`} until ${until}`;
};

const judged = (model: BlockModel, act: Extract<BlockAct, { act: 'promote' }>): string => {
  const { subject, mode } = act;
  if (near(subject).some((other) => holds(model.allowed[other], model.now))) return 'suppressed allow-list';
  if (near(subject).some((other) => holds(model.tombstones[other], model.now))) return 'suppressed tombstone';
  const entry = firstOf(around(subject).map((other) => entryOf(model, other)));
  if (entry !== null) return `already ${entry}`;
  if (mode === 'shadow') return 'shadow';
  const proposal = firstOf(around(subject).map((other) => proposalOf(model, other)));
  if (proposal !== null) return `already ${proposal}`;
  return mode === 'enforce' && hasBudget(model) ? 'active' : 'proposed';
};

type Step = Extract<BlockAct, { id: string }>;

const nextState = (step: Step, state: string): string | null => {
  if (step.act === 'activate') return state === 'proposed' ? 'active' : null;
  if (step.act === 'undo') return state;
  if (step.act === 'confirm') return state === 'active' ? 'confirmed' : null;
  if (!['proposed', 'active', 'confirmed'].includes(state)) return null;
  return step.act === 'lift' ? 'lifted' : state;
};

const step = (model: BlockModel, act: Step): string => {
  const block = model.blocks[act.id];
  const now = stateOf(model, act.id);
  if (!block || !now) return 'missing';
  const state = nextState(act, now.state);
  const isAllowed = near(block.subject).some((other) => holds(model.allowed[other], model.now));
  if (state === null || (act.ifVersion ?? now.version) !== now.version) return 'conflict';
  if (act.act === 'activate' && isAllowed) return 'conflict';
  if (act.act === 'undo') return undo(model, act.id, now);
  const { subject } = block;
  const { made, until, label, assignee } = block;
  const strike = strikesOf(model, subject).find(({ id }) => id === act.id)?.until ?? 0;
  block.before = { state: now.state, made, until, label, assignee, strike, tombstone: null };
  if (act.act === 'confirm') block.label = 'confirmed';
  if (act.act === 'assign') block.assignee = act.assignee;
  if (act.act === 'activate') {
    block.until = model.now + block.until - block.made;
    block.made = model.now;
    model.strikes[subject] = [...strikesOf(model, subject), { id: act.id, until: model.now + modelTerms.strikeTtl }];
    delete model.proposals[subject];
  }
  if (act.act === 'extend') block.until = model.now + act.seconds;
  if (act.act === 'lift') {
    block.label = act.falsePositive ? 'false-positive' : 'goodwill';
    if (act.tombstone > 0) {
      block.before.tombstone = { was: model.tombstones[subject] ?? 0, is: model.now + act.tombstone };
      model.tombstones[subject] = model.now + act.tombstone;
    }
    if (act.falsePositive) model.strikes[subject] = strikesOf(model, subject).filter(({ id }) => id !== act.id);
    if (model.entries[subject]?.id === act.id) delete model.entries[subject];
    if (model.proposals[subject]?.id === act.id) delete model.proposals[subject];
  }
  block.state = state;
  block.version = now.version + 1;
  if (state === 'proposed') model.proposals[subject] = { id: act.id, until: block.until };
  if (state === 'active' || state === 'confirmed') model.entries[subject] = { id: act.id, until: block.until };
  model.changes += 1;
  return `${state} ${block.version} until ${block.until}`;
};

const isOpen = (state: string): boolean => ['proposed', 'active', 'confirmed'].includes(state);
const blocks = (state: string): boolean => state === 'active' || state === 'confirmed';

/** Puts back what the last step changed, where that is still free. */
const undo = (model: BlockModel, id: string, now: { state: string; version: number }): string => {
  const block = model.blocks[id];
  const before = block?.before;
  if (!block || !before || before.until <= model.now || !isOpen(before.state)) return 'conflict';
  const { subject } = block;
  if (!isOpen(now.state) || blocks(now.state) !== blocks(before.state)) {
    if (near(subject).some((other) => holds(model.allowed[other], model.now))) return 'conflict';
    if ([entryOf(model, subject), proposalOf(model, subject)].some((held) => held !== null && held !== id))
      return 'conflict';
  }
  const { state, made, until, label, assignee, strike, tombstone } = before;
  Object.assign(block, { state, made, until, label, assignee, before: null, version: now.version + 1 });
  const stone = model.tombstones[subject] ?? 0;
  if (tombstone && (stone === tombstone.is || (stone <= model.now && tombstone.is <= model.now))) {
    model.tombstones[subject] = tombstone.was;
  }
  const strikes = strikesOf(model, subject).filter((one) => one.id !== id);
  model.strikes[subject] = strike > 0 ? [...strikes, { id, until: strike }] : strikes;
  if (model.entries[subject]?.id === id) delete model.entries[subject];
  if (model.proposals[subject]?.id === id) delete model.proposals[subject];
  (state === 'proposed' ? model.proposals : model.entries)[subject] = { id, until };
  model.changes += 1;
  return `${state} ${block.version} until ${until}`;
};

const end = (model: BlockModel, id: string, state: string): void => {
  const block = model.blocks[id];
  if (!block) return;
  block.state = state;
  block.version += 1;
  block.before = null;
  model.changes += 1;
};
const supersede = (model: BlockModel, id: string): void => end(model, id, 'superseded');

const add = (model: BlockModel, act: { subject: number; seconds: number }, id: string): string => {
  const { subject } = act;
  if (near(subject).some((other) => holds(model.allowed[other], model.now))) return 'refused';
  for (const old of [entryOf(model, subject), proposalOf(model, subject)]) if (old !== null) supersede(model, old);
  delete model.proposals[subject];
  const until = model.now + act.seconds;
  model.blocks[id] = newBlock('active', { subject, made: model.now, until });
  model.entries[subject] = { id, until };
  model.changes += 1;
  return `added until ${until}`;
};

const allow = (model: BlockModel, act: { subject: number; seconds: number }): string => {
  model.allowed[act.subject] = model.now + act.seconds;
  model.changes += 1;
  for (const id of [entryOf(model, act.subject), proposalOf(model, act.subject)])
    if (id !== null) end(model, id, 'lifted');
  delete model.entries[act.subject];
  delete model.proposals[act.subject];
  return 'allowed';
};

/** Does it, and says what it must answer. `id` is what the list called the block that an `add` made. */
export const actOnModel = (model: BlockModel, act: BlockAct, id = ''): string => {
  if (act.act === 'promote') return promote(model, act);
  if ('id' in act) return step(model, act);
  if (act.act === 'wait') {
    model.now += act.seconds;
    return 'waited';
  }
  if (act.act === 'disallow') {
    const isAllowed = holds(model.allowed[act.subject], model.now);
    delete model.allowed[act.subject];
    if (isAllowed) model.changes += 1;
    return isAllowed ? 'disallowed' : 'nothing';
  }
  if (act.act === 'reset') {
    if (model.breaker?.state !== 'open') return 'nothing';
    model.breaker = { state: 'half-open', since: model.now };
    model.changes += 1;
    return 'reset';
  }
  return act.act === 'add' ? add(model, act, id) : allow(model, act);
};

/** Everything that can be seen of it now, as lines. */
export const seenOfModel = (model: BlockModel): readonly string[] => {
  const blocks = Object.keys(model.blocks).map((id) => {
    const { state, version } = stateOf(model, id) ?? { state: '', version: 0 };
    const { until, label, assignee } = model.blocks[id] ?? {};
    return `${id} ${state} ${version} until ${until} ${label || '-'} ${assignee || '-'}`;
  });
  const judged = ['confirmed', 'false-positive', 'goodwill'].map((label) => {
    const by = Object.entries(model.blocks).filter(([id, block]) => id.startsWith('b-') && block.label === label);
    return `${label} ${by.length}`;
  });
  const subjects = Array.from({ length: modelSubjects }, (_, subject) => subject);
  const entries = subjects.map((subject) => `entry ${subject} ${entryOf(model, subject) ?? '-'}`);
  const strikes = subjects.map((subject) => `strikes ${subject} ${strikesOf(model, subject).length}`);
  return [...blocks, ...judged, ...entries, ...strikes, `changes ${model.changes}`].sort();
};
