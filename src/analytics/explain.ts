import type { Block } from '../blocklist/block.ts';
import type { BlockEntry } from '../blocklist/block-feed.ts';
import type { AllowEntry, BlockReview, BlockStep, Standing } from '../blocklist/block-review.ts';
import type { BlockSwitches, Switches } from '../blocklist/block-switches.ts';
import { covers } from '../blocklist/subject.ts';
import { type BlockSubject, type Client, subjectKeyOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { type Explanation, explainPolicies } from '../policy/explain.ts';
import type { PolicySet } from '../policy/policy.ts';
import type { DecisionQuestions, StoredDecision } from './decision-questions.ts';

/** An entry that hits the subject. */
export interface Hit {
  readonly entry: BlockEntry;
  /** Null: it is older than what the list remembers, or not for the eyes of who asks. */
  readonly block: Block | null;
}

/** A request, as far as it is known, to say which policies match it. */
export interface AskedRoute {
  readonly method: string;
  /** Template or path. */
  readonly path: string;
}

export interface ExplainQuery {
  readonly subject: BlockSubject;
  /** Milliseconds since the epoch; null: now. */
  readonly atMs: number | null;
  readonly route?: AskedRoute;
}

export interface ExplainSources {
  readonly blockList: Pick<BlockReview, 'standing' | 'list' | 'get' | 'history'> & Pick<BlockSwitches, 'switches'>;
  readonly nowMs: number;
  /** Null: the database is out of reach. Left out: nobody asks it. */
  readonly questions?: DecisionQuestions | null;
  /** Those in force. Default: not known. */
  readonly policies?: PolicySet | null;
  /** Whose tenants are in reach; null: all. Default null. */
  readonly tenants?: readonly string[] | null;
  readonly maySee?: (block: Block) => boolean;
  /** Told why the database did not answer; the explanation goes on without it. */
  readonly onAway?: (error: TidegateError) => void;
}

/** All that is known of one subject at one instant. */
export interface SubjectFacts {
  readonly subject: BlockSubject;
  readonly atMs: number;
  readonly nowMs: number;
  /** Now, from its standing on; else an instant of the past. */
  readonly isNow: boolean;
  readonly standing: Standing;
  /** The one that is enforced first. */
  readonly hits: readonly Hit[];
  readonly proposal: Block | null;
  /** Its own, newest first, at most 20. */
  readonly blocks: readonly Block[];
  readonly switches: Switches;
  /** `away`: the database is out of reach; `unasked`. Newest first. */
  readonly decisions: readonly StoredDecision[] | 'away' | 'unasked';
  /** Of a refused decision: the block that refused it, as it is now. */
  readonly refusing: ReadonlyMap<string, Block>;
  /** Of those that are known the one that was in force at the instant; null: none, or it is now. */
  readonly blockThen: { readonly block: Block; readonly step: BlockStep } | null;
  /** Entries that hit somebody of this name in one tenant, where no tenant was named. */
  readonly elsewhere: readonly BlockEntry[];
  /** Empty where no route is given or no policies are known. */
  readonly policies: readonly Explanation[];
  readonly loaded: PolicySet | null;
  readonly route: AskedRoute | null;
}

/** This close to now, standing is what counts. */
const nowReachMs = 60_000;
const maxBlocks = 20;
/** Blocks whose steps are read to find out which was in force. */
const maxRead = 8;
const maxTenants = 5;
const namesakesRead = 500;

const enforcedStates = ['active', 'confirmed'] as const;

type Sources = Required<Pick<ExplainSources, 'blockList' | 'nowMs' | 'tenants' | 'maySee'>>;

const clientIn = ({ kind, id }: BlockSubject): Client | null => (kind === 'network' ? null : { kind, id });

const withTenant = (subject: BlockSubject, tenant: string): BlockSubject => ({ ...subject, tenant });

/** Of who sees some tenants only: nobody of another one, no identity behind an address, and of all tenants no note. */
const allowedFor = (entries: readonly AllowEntry[], subject: BlockSubject, { tenants }: Sources) =>
  tenants === null
    ? entries
    : entries
        .filter((entry) => covers(entry.subject, subject))
        .map((entry) => (entry.subject.tenant === undefined ? { ...entry, note: '' } : entry));

const blocksIn = async ({ blockList, maySee }: Sources, ids: readonly string[]): Promise<Map<string, Block>> => {
  const blocks = await Promise.all(ids.map((id) => blockList.get(id)));
  return new Map(blocks.flatMap((block) => (block && maySee(block) ? [[block.id, block] as const] : [])));
};

/** As the list has it, of who sees some tenants only without what is not theirs. */
const standingOf = async (sources: Sources, subject: BlockSubject) => {
  const found = await sources.blockList.standing(subject);
  const { entries, strikes, proposalId } = found;
  const ids = [...entries, ...strikes].map(({ blockId }) => blockId);
  const seen = await blocksIn(sources, [...new Set(proposalId === null ? ids : [...ids, proposalId])]);
  const isAll = sources.tenants === null;
  const proposal = proposalId === null ? null : (seen.get(proposalId) ?? null);
  const standing: Standing = {
    ...found,
    allowed: allowedFor(found.allowed, subject, sources),
    strikes: strikes.filter(({ blockId }) => isAll || seen.has(blockId)),
    proposalId: isAll ? proposalId : (proposal?.id ?? null),
    identities: isAll ? found.identities : null,
  };
  const hits = entries.map((entry) => ({ entry, block: seen.get(entry.blockId) ?? null }));
  return { standing, hits, proposal };
};

/** Within a tenant those that hold for it in all tenants are its own, too. */
const ownBlocks = async (sources: Sources, subject: BlockSubject): Promise<readonly Block[]> => {
  const { tenant, ...everywhere } = subject;
  const keys = tenant === undefined ? [subject] : [subject, everywhere];
  const { tenants } = sources;
  const pages = await Promise.all(
    keys.map((key) =>
      sources.blockList.list({
        subjectKey: subjectKeyOf(key),
        limit: maxBlocks,
        ...(tenants === null ? {} : { tenants }),
      }),
    ),
  );
  return pages
    .flatMap(({ blocks }) => blocks)
    .filter(sources.maySee)
    .sort((a, b) => b.blockedAtMs - a.blockedAtMs)
    .slice(0, maxBlocks);
};

const isEnforcedStep = ({ state, expiresAtMs }: BlockStep, atMs: number): boolean =>
  (state === 'active' || state === 'confirmed') && expiresAtMs > atMs;

/** Which of these was in force then: their steps say so. */
const inForceAt = async (
  { blockList }: Sources,
  candidates: readonly Block[],
  atMs: number,
): Promise<SubjectFacts['blockThen']> => {
  const made = candidates.filter(({ blockedAtMs }) => blockedAtMs <= atMs).slice(0, maxRead);
  for (const block of made) {
    const step = (await blockList.history(block.id)).findLast((each) => each.atMs <= atMs);
    if (step && isEnforcedStep(step, atMs)) return { block, step };
  }
  return null;
};

/** The tenants in which somebody of this name was seen or is blocked. */
const tenantsOf = async (
  { blockList }: Sources,
  { kind, id }: BlockSubject,
  decisions: SubjectFacts['decisions'],
): Promise<readonly string[]> => {
  const seen = typeof decisions === 'string' ? [] : decisions.map(({ tenant }) => tenant);
  const { blocks } = await blockList.list({ states: enforcedStates, subjectKinds: [kind], limit: namesakesRead });
  const blocked = blocks
    .filter(({ subject }) => subject.id === id)
    .flatMap(({ subject }) => (subject.tenant === undefined ? [] : [subject.tenant]));
  return [...new Set([...blocked, ...seen])].slice(0, maxTenants);
};

/** Who asks about `user:alice` may mean the one of a tenant. */
const elsewhereOf = async (
  sources: Sources,
  subject: BlockSubject,
  decisions: SubjectFacts['decisions'],
): Promise<readonly BlockEntry[]> => {
  const tenants = await tenantsOf(sources, subject, decisions);
  const standings = await Promise.all(tenants.map((tenant) => sources.blockList.standing(withTenant(subject, tenant))));
  return standings.flatMap(({ entries }) => entries.slice(0, 1));
};

const policiesFor = (set: PolicySet | null, { subject, route }: ExplainQuery): readonly Explanation[] => {
  if (set === null || route === undefined) return [];
  const client = clientIn(subject) ?? { kind: 'ip' as const, id: subject.id };
  const { method, path } = route;
  const asked = { method, path, template: path, tenant: subject.tenant ?? 'default', client };
  return explainPolicies(set.policies, asked).filter(({ verdict }) => verdict !== 'differs');
};

const isAway = (error: unknown): error is TidegateError =>
  error instanceof TidegateError && error.code !== 'INPUT_INVALID';

const decisionsOf = async (
  { questions, onAway }: ExplainSources,
  { subject }: ExplainQuery,
  atMs: number,
): Promise<SubjectFacts['decisions']> => {
  if (questions === undefined) return 'unasked';
  if (questions === null) return 'away';
  const client = clientIn(subject);
  if (client === null) return [];
  const { tenant } = subject;
  try {
    return await questions.decisionsAround({ client, atMs, ...(tenant === undefined ? {} : { tenant }) });
  } catch (error) {
    if (!isAway(error)) throw error;
    onAway?.(error);
    return 'away';
  }
};

/** Gathers what is known, without the database where that is out of reach. */
export const explainSubject = async (given: ExplainSources, query: ExplainQuery): Promise<SubjectFacts> => {
  const { blockList, nowMs, policies = null, tenants = null, maySee = () => true } = given;
  const sources: Sources = { blockList, nowMs, tenants, maySee };
  const { subject } = query;
  const atMs = query.atMs ?? nowMs;
  const isNow = Math.abs(nowMs - atMs) <= nowReachMs;
  const [{ standing, hits, proposal }, blocks, switches, decisions] = await Promise.all([
    standingOf(sources, subject),
    ownBlocks(sources, subject),
    blockList.switches(),
    decisionsOf(given, query, atMs),
  ]);
  const refused = typeof decisions === 'string' ? [] : decisions.filter(({ outcome }) => outcome === 'blocked');
  const refusing = await blocksIn(sources, [...new Set(refused.map(({ policyVersion }) => policyVersion))]);
  const candidates = [
    ...new Map([...blocks, ...hits.flatMap(({ block }) => block ?? [])].map((b) => [b.id, b])).values(),
  ];
  const isLost = subject.tenant === undefined && hits.length === 0 && subject.kind !== 'network';
  return {
    subject,
    ...{ atMs, nowMs, isNow, standing, hits, proposal, blocks, switches, decisions, refusing },
    blockThen: isNow ? null : await inForceAt(sources, candidates, atMs),
    elsewhere: isLost && tenants === null ? await elsewhereOf(sources, subject, decisions) : [],
    policies: policiesFor(policies, query),
    loaded: policies,
    route: query.route ?? null,
  };
};
