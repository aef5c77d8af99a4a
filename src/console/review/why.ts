import type { BlockView, Evidence, Subject } from '../app/api-types.ts';
import { duration, number, plural, share } from '../app/format.ts';
import { actionText } from '../app/parts.tsx';

const nouns: Readonly<Record<string, string>> = {
  ip: 'This address',
  user: 'This user',
  key: 'This API key',
  network: 'Addresses of this network',
};

export const nounOf = ({ kind }: Subject): string => nouns[kind] ?? 'This client';

const lastedText = ({ firstSeenAt, lastSeenAt }: Evidence): string => {
  const ms = new Date(lastSeenAt).getTime() - new Date(firstSeenAt).getTime();
  return ms < 1000 ? 'within a second' : `within ${duration(ms)}`;
};

const whereText = ({ denied, distinctRoutes, routes }: Evidence): string => {
  const most = routes[0];
  if (distinctRoutes === 1 && most) return `, always on ${most.route}`;
  const isMost = most !== undefined && most.denied * 2 > denied;
  return ` on ${plural(distinctRoutes, 'route')}${isMost ? `, most of it on ${most.route}` : ''}`;
};

const evidenceText = (subject: Subject, evidence: Evidence): string => {
  const { denied, allowed } = evidence;
  const of =
    allowed > 0 ? ` of ${number(denied + allowed)} requests (${share(denied / (denied + allowed))})` : ' requests';
  const who = nounOf(subject);
  const verb = subject.kind === 'network' ? 'were' : 'was';
  return `${who} ${verb} over the limit with ${number(denied)}${of} ${lastedText(evidence)}${whereText(evidence)}.`;
};

/** Why the rule concluded it, for who knows rules. */
export const windowsText = ({ windows }: Evidence): string => {
  const heavy = windows.weight > windows.hit ? `, some so heavy that they count as ${number(windows.weight)}` : '';
  return `${number(windows.hit)} of ${plural(windows.of, 'window')} of ${duration(windows.windowMs)}${heavy}; ${number(windows.needed)} are enough`;
};

const earlyText = ({ early }: Evidence): string =>
  early === null || early === 0
    ? ''
    : ` ${number(early)} of them came back before the wait that it had been told was over.`;

const endings: Readonly<Record<string, string>> = {
  proposed: 'Nobody is blocked yet: the rule only proposes it.',
  lifted: 'It has been lifted.',
  expired: 'The block has ended by itself.',
  superseded: 'Another block has taken its place.',
  shadow: 'The rule is in shadow: nobody was blocked.',
};

/** Why it is blocked, in a sentence or two that need no knowledge of rules. */
export const whyText = (block: BlockView): string => {
  const { subject, evidence, origin, rule, state, action } = block;
  const fate =
    endings[state] ?? (action.kind === 'limit' ? `It is ${actionText(action)}.` : 'Its requests are refused.');
  if (evidence !== null) return `${evidenceText(subject, evidence)}${earlyText(evidence)} ${fate}`;
  if (origin === 'list') return `${nounOf(subject)} is blocked by the imported list ${rule}. ${fate}`;
  return `${nounOf(subject)} was blocked by hand, by ${block.owner}. ${fate}`;
};
