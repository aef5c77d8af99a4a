import type { Command } from 'commander';
import { explainSubject, type SubjectFacts } from '../../analytics/explain.ts';
import { verdictOf } from '../../analytics/verdict.ts';
import { blockView } from '../../api/block-view.ts';
import type { Refusals } from '../../blocklist/block-feed.ts';
import { covers } from '../../blocklist/subject.ts';
import type { BlockSubject } from '../../client.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings } from '../list-session.ts';
import { allowView } from './block-text.ts';
import { explanationText } from './explain-text.ts';
import { refusalsOf, subjectFrom, subjectHelp } from './subjects.ts';

interface Flags {
  readonly tenant?: string;
  readonly json?: boolean;
}

/** All that is to be said of one subject, and what each block kept away. */
export interface SubjectExplanation {
  readonly facts: SubjectFacts;
  readonly refusals: ReadonlyMap<string, Refusals>;
}

const explained = async ({ blockList, nowMs }: ListSession, subject: BlockSubject): Promise<SubjectExplanation> => {
  const facts = await explainSubject({ blockList, nowMs }, { subject, atMs: null });
  const ids = [...new Set(facts.hits.map(({ entry }) => entry.blockId))];
  return { facts, refusals: await refusalsOf(blockList, ids) };
};

const instant = (atMs: number): string => new Date(atMs).toISOString();

const jsonOf = ({ facts, refusals }: SubjectExplanation): object => {
  const { subject, standing, hits, proposal, blocks, switches } = facts;
  const isAllowed = standing.allowed.some((entry) => covers(entry.subject, subject));
  return {
    subject,
    verdict: verdictOf(facts).text,
    blocked: hits.length > 0 && !isAllowed && switches.blocks === null,
    entries: hits.map(({ entry: { subjectKey, blockId, rule, action, expiresAtMs }, block }) => ({
      ...{ subjectKey, blockId, rule, action },
      expiresAt: instant(expiresAtMs),
      block: block && blockView(block, refusals.get(blockId)),
    })),
    allowed: standing.allowed.map(allowView),
    tombstoneUntil: standing.tombstoneUntilMs === null ? null : instant(standing.tombstoneUntilMs),
    strikes: standing.strikes.map(({ blockId, untilMs }) => ({ blockId, until: instant(untilMs) })),
    identities: standing.identities,
    proposal: proposal && blockView(proposal),
    history: blocks.map((block) => blockView(block)),
    switchedOff: switches.blocks === null ? null : { until: instant(switches.blocks.untilMs) },
  };
};

const answered = async (session: ListSession, given: string, flags: Flags): Promise<Answer> => {
  const explanation = await explained(session, subjectFrom(given, flags.tenant));
  return { json: jsonOf(explanation), text: explanationText(explanation, session) };
};

/** `tidegate blocks explain`. */
export const explainSubjectCommand = (host: Host): Command => {
  const command = settingsCommand({
    name: 'explain',
    summary: 'Say whether somebody is blocked, by what, why, and what to do about it',
    settings: listSettings,
    help: `
${subjectHelp} Of an address the networks around it are looked at, too.

Examples:
  $ tidegate blocks explain 203.0.113.9
  $ tidegate blocks explain user:alice --tenant acme
  $ tidegate blocks explain 203.0.113.0/24 --json | jq .strikes`,
  })
    .argument('<subject>', 'who')
    .option('--tenant <name>', 'within this tenant')
    .option('--json', 'print all of it as one line');
  return command.action((given: string, flags: Flags) =>
    answering({ command, host, json: flags.json === true }, (session) => answered(session, given, flags)),
  );
};
