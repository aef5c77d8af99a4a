import type { Command } from 'commander';
import { blockView } from '../../api/block-view.ts';
import type { Block } from '../../blocklist/block.ts';
import type { BlockEntry, Refusals } from '../../blocklist/block-feed.ts';
import type { Standing } from '../../blocklist/block-review.ts';
import type { Switches } from '../../blocklist/block-switches.ts';
import { covers } from '../../blocklist/subject.ts';
import { type BlockSubject, subjectKeyOf } from '../../client.ts';
import { type Host, settingsCommand } from '../command-line.ts';
import { type Answer, answering, type ListSession, listSettings } from '../list-session.ts';
import { allowView } from './block-text.ts';
import { explanationText } from './explain-text.ts';
import { refusalsOf, subjectFrom, subjectHelp } from './subjects.ts';

interface Flags {
  readonly tenant?: string;
  readonly json?: boolean;
}

/** An entry that hits the subject, and what is known of its block. */
export interface Hit {
  readonly entry: BlockEntry;
  /** Null: it is older than what the list remembers. */
  readonly block: Block | null;
  readonly refusals: Refusals | undefined;
}

/** All that is to be said of one subject. */
export interface SubjectExplanation {
  readonly subject: BlockSubject;
  readonly standing: Standing;
  /** The one that is enforced first. */
  readonly hits: readonly Hit[];
  readonly proposal: Block | null;
  /** Newest first. */
  readonly history: readonly Block[];
  readonly switches: Switches;
}

const maxHistory = 10;

const explainSubject = async ({ blockList }: ListSession, subject: BlockSubject): Promise<SubjectExplanation> => {
  const [standing, page, switches] = await Promise.all([
    blockList.standing(subject),
    blockList.list({ subjectKey: subjectKeyOf(subject), limit: maxHistory }),
    blockList.switches(),
  ]);
  const ids = [...new Set(standing.entries.map(({ blockId }) => blockId))];
  const refusals = await refusalsOf(blockList, ids);
  const hits = await Promise.all(
    standing.entries.map(async (entry) => ({
      entry,
      block: await blockList.get(entry.blockId),
      refusals: refusals.get(entry.blockId),
    })),
  );
  const proposal = standing.proposalId === null ? null : await blockList.get(standing.proposalId);
  return { subject, standing, hits, proposal, history: page.blocks, switches };
};

const instant = (atMs: number): string => new Date(atMs).toISOString();

const jsonOf = ({ subject, standing, hits, proposal, history, switches }: SubjectExplanation): object => ({
  subject,
  blocked:
    hits.length > 0 && !standing.allowed.some((entry) => covers(entry.subject, subject)) && switches.blocks === null,
  entries: hits.map(({ entry, block, refusals }) => ({
    subjectKey: entry.subjectKey,
    blockId: entry.blockId,
    rule: entry.rule,
    action: entry.action,
    expiresAt: instant(entry.expiresAtMs),
    block: block && blockView(block, refusals),
  })),
  allowed: standing.allowed.map(allowView),
  tombstoneUntil: standing.tombstoneUntilMs === null ? null : instant(standing.tombstoneUntilMs),
  strikes: standing.strikes.map(({ blockId, untilMs }) => ({ blockId, until: instant(untilMs) })),
  identities: standing.identities,
  proposal: proposal && blockView(proposal),
  history: history.map((block) => blockView(block)),
  switchedOff: switches.blocks === null ? null : { until: instant(switches.blocks.untilMs) },
});

const explained = async (session: ListSession, given: string, flags: Flags): Promise<Answer> => {
  const explanation = await explainSubject(session, subjectFrom(given, flags.tenant));
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
    answering({ command, host, json: flags.json === true }, (session) => explained(session, given, flags)),
  );
};
