import { useState } from 'preact/hooks';
import type { BlockView } from '../app/api-types.ts';
import { number, plural, share } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { At, Card, Chip, type Fact, Facts } from '../app/parts.tsx';
import { hrefOf, part } from '../app/router.ts';
import { Shown } from '../app/states.tsx';
import { IntervalBar } from '../charts/bars.tsx';
import type { RuleView } from './types.ts';

const rulesPauseMs = 30_000;

type Rules = readonly RuleView[] | { readonly rules: readonly RuleView[] };

/** Rules as the API tells them; none while it does not. */
export const useRules = (): readonly RuleView[] => {
  const { data } = useLive<Rules>('v1/rules', rulesPauseMs);
  if (data === null) return [];
  return 'rules' in data ? data.rules : data;
};

const precisionFact = ({ precision, precisionFloor, judged }: RuleView): Fact => {
  if (precision === null) {
    return {
      name: 'Right so far',
      value: 'not known yet',
      detail: `${plural(judged.unjudged, 'open block')} of it not judged`,
    };
  }
  const { share: value, low, high } = precision;
  return {
    name: 'Right so far',
    value: (
      <>
        <IntervalBar value={value} low={low} high={high} floor={precisionFloor?.floor ?? null} /> {share(value)}
      </>
    ),
    detail: `${share(low)} to ${share(high)} with 95 % confidence, of ${plural(precision.judged, 'judged block')}`,
  };
};

const factsOf = (rule: RuleView): Fact[] => {
  const { judged, mode, breaker } = rule;
  return [
    precisionFact(rule),
    {
      name: 'Judged',
      value: `${number(judged.confirmed)} right, ${number(judged.falsePositives)} wrong, ${number(judged.goodwill)} goodwill`,
    },
    {
      name: 'Mode',
      value: mode.inForce ?? 'no detector runs it',
      ...(mode.inForce === mode.file ? {} : { detail: `${mode.file} in its file`, tone: 'warn' as const }),
    },
    { name: 'Breaker', value: breaker.state, tone: breaker.state === 'open' ? 'warn' : 'plain' },
    {
      name: 'Owner',
      value: rule.owner ?? '—',
      ...(rule.reviewBy === null
        ? {}
        : {
            detail: (
              <>
                to be reviewed by <At at={rule.reviewBy} />
              </>
            ),
          }),
    },
  ];
};

const Hash = ({ block, rule }: { readonly block: BlockView; readonly rule: RuleView | undefined }) => {
  if (rule === undefined || rule.hash === null) return <Chip>hash {block.ruleHash.slice(0, 12)}</Chip>;
  if (rule.hash === block.ruleHash) return <Chip tone="good">as it was then</Chip>;
  return (
    <Chip tone="warn">
      changed since: {block.ruleHash.slice(0, 8)} then, {rule.hash.slice(0, 8)} now
    </Chip>
  );
};

interface Quality {
  readonly contents: readonly { readonly hash: string; readonly definition: string | null }[];
}

const readable = (definition: string): string => {
  try {
    return JSON.stringify(JSON.parse(definition), null, 2);
  } catch {
    return definition;
  }
};

/** What the rule said when it concluded this block, asked for when somebody wants to see it. */
const Definition = ({ block }: { readonly block: BlockView }) => {
  const [isOpen, setOpen] = useState(false);
  const live = useLive<Quality>(isOpen ? `v1/rules/${part(block.rule)}/quality` : null, 0);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What it said then</summary>
      {isOpen ? (
        <Shown what="the rule" live={live}>
          {({ contents }) => {
            const definition = contents.find(({ hash }) => hash === block.ruleHash)?.definition ?? null;
            if (definition === null) return <p class="quiet">Nobody noted it. Its hash is {block.ruleHash}.</p>;
            return (
              <>
                <pre class="code">{readable(definition)}</pre>
                <p class="quiet small">
                  Hash <code>{block.ruleHash}</code>
                </p>
              </>
            );
          }}
        </Shown>
      ) : null}
    </details>
  );
};

/** The rule that concluded it, and how often it was right. */
export const RuleCard = ({ block }: { readonly block: BlockView }) => {
  const rule = useRules().find((each) => each.rule === block.rule);
  if (block.origin !== 'detector') return null;
  return (
    <Card title={`Rule ${block.rule}`} id="block-rule" aside={<Hash block={block} rule={rule} />}>
      {rule === undefined || rule.demoted === null ? null : (
        <p class="stale-note">
          Demoted to shadow <At at={rule.demoted.at} />: {rule.demoted.why}
        </p>
      )}
      {rule === undefined ? (
        <p class="quiet">No rule of this name is in force: it was removed, or renamed, since.</p>
      ) : (
        <Facts facts={factsOf(rule)} />
      )}
      <Definition block={block} />
      <p>
        <a href={hrefOf('/rules', { rule: block.rule })}>All about this rule</a> ·{' '}
        <a href={hrefOf('/queue', { show: 'all', rule: block.rule })}>All its blocks</a>
      </p>
    </Card>
  );
};
