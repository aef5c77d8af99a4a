import { useState } from 'preact/hooks';
import { ActionButton } from '../app/action.tsx';
import { duration, instant, number, plural, share } from '../app/format.ts';
import { useLive } from '../app/live.ts';
import { useNow } from '../app/now.ts';
import { Ago, Chip, type Fact, Facts, type Tone } from '../app/parts.tsx';
import { hrefOf } from '../app/router.ts';
import { whyNot } from '../app/session.ts';
import { Empty, Shown } from '../app/states.tsx';
import { EndModeDialog, ModeDialog, ResetDialog } from './rules/dialogs.tsx';
import { PrecisionCell, QualityOfRule } from './rules/quality.tsx';
import type { Breaker, Rule } from './rules/rule.ts';

const breakerTones: Readonly<Record<Breaker['state'], Tone>> = { closed: 'good', open: 'bad', 'half-open': 'warn' };
const breakerWords: Readonly<Record<Breaker['state'], string>> = {
  closed: 'within its budget',
  open: 'over its budget: it only proposes',
  'half-open': 'on trial after a reset',
};

const BreakerState = ({ breaker }: { readonly breaker: Breaker }) => (
  <>
    <Chip tone={breakerTones[breaker.state]}>{breaker.state}</Chip> {breakerWords[breaker.state]}
    {breaker.state === 'closed' || breaker.since === null ? null : (
      <span class="quiet">
        {' '}
        since <Ago at={breaker.since} />
        {breaker.reason === '' ? '' : `: ${breaker.reason}`}
      </span>
    )}
  </>
);

const modeTones: Readonly<Record<string, Tone>> = { enforce: 'info', review: 'warn' };

const ModeText = ({ rule }: { readonly rule: Rule }) => {
  const now = useNow();
  const { mode, override } = rule;
  return (
    <>
      <Chip tone={modeTones[mode.inForce ?? ''] ?? 'plain'}>{mode.inForce ?? 'not known'}</Chip>
      {mode.inForce === null ? <span class="quiet small"> no detector has said what it runs</span> : null}
      {mode.canaryPercent !== null && mode.canaryPercent < 100 ? ` for ${mode.canaryPercent} % of clients` : ''}
      {override === null ? null : (
        <div class="quiet small">
          its file says {mode.file ?? 'nothing'}; {override.actor} capped it at {override.mode} until{' '}
          {instant(override.until, now)}: {override.note}
        </div>
      )}
    </>
  );
};

const factsOf = (rule: Rule): readonly Fact[] => {
  const { judged, lastHour, reviewAge, precisionFloor, owner, reviewBy } = rule;
  return [
    {
      name: 'In the last hour',
      value: plural(lastHour.blocks, 'block'),
      detail: `of ${plural(lastHour.clients, 'client')} with ${plural(lastHour.requests, 'request')}`,
    },
    {
      name: 'Judged',
      value: `${number(judged.confirmed)} right, ${number(judged.falsePositives)} wrong`,
      detail: judged.goodwill > 0 ? `${number(judged.goodwill)} lifted out of goodwill` : '',
    },
    {
      name: 'Waiting for a person',
      value: <a href={hrefOf('/queue', { rule: rule.rule, unjudged: 'true' })}>{plural(judged.unjudged, 'block')}</a>,
      detail: reviewAge === null ? '' : `the oldest for ${duration(reviewAge.oldestUnjudgedMs)}`,
    },
    {
      name: 'Goes to shadow by itself',
      value:
        precisionFloor === null
          ? 'never'
          : `surely right less than ${share(precisionFloor.floor)} of the time, from ${plural(precisionFloor.minLabels, 'judgement')} on`,
    },
    { name: 'Owner', value: owner ?? '—' },
    { name: 'To be looked at again', value: <Ago at={reviewBy} /> },
  ];
};

type Open = 'reset' | 'mode' | 'end-mode' | null;

const RuleActions = ({ rule, onOpen }: { readonly rule: Rule; readonly onOpen: (what: Open) => void }) => {
  const denied = whyNot('lead', { isShared: true });
  return (
    <div class="buttons">
      {rule.breaker.state === 'open' ? (
        <ActionButton
          tone="primary"
          deniedBy={denied}
          label={`Reset the breaker of ${rule.rule}`}
          onClick={() => onOpen('reset')}
        >
          Reset the breaker
        </ActionButton>
      ) : null}
      {rule.override === null ? null : (
        <ActionButton deniedBy={denied} label={`End the cap of ${rule.rule}`} onClick={() => onOpen('end-mode')}>
          End the cap
        </ActionButton>
      )}
      <ActionButton deniedBy={denied} label={`Cap the mode of ${rule.rule}`} onClick={() => onOpen('mode')}>
        Cap the mode
      </ActionButton>
    </div>
  );
};

const RuleCard = ({ rule }: { readonly rule: Rule }) => {
  const [open, setOpen] = useState<Open>(null);
  const [isDetailed, setDetailed] = useState(false);
  const close = (): void => setOpen(null);
  const id = `rule-${rule.rule}`;
  return (
    <section class="card rule" aria-labelledby={id}>
      <header>
        <h2 id={id}>
          <code>{rule.rule}</code>
        </h2>
        <RuleActions rule={rule} onOpen={setOpen} />
      </header>
      {rule.demoted === null ? null : (
        <p class="banner bad">
          <strong>Too often wrong:</strong> put into shadow <Ago at={rule.demoted.at} />. {rule.demoted.why}
        </p>
      )}
      <div class="rule-state">
        <div>
          <h3>Mode</h3>
          <ModeText rule={rule} />
        </div>
        <div>
          <h3>Breaker</h3>
          <BreakerState breaker={rule.breaker} />
        </div>
        <div>
          <h3>Precision</h3>
          <PrecisionCell precision={rule.precision} floor={rule.precisionFloor?.floor ?? null} />
        </div>
      </div>
      <Facts facts={factsOf(rule)} />
      <details onToggle={(event) => setDetailed(event.currentTarget.open)}>
        <summary>What it said over time, and how right it was</summary>
        {isDetailed ? <QualityOfRule rule={rule} /> : null}
      </details>
      {open === 'reset' ? <ResetDialog rule={rule.rule} onClose={close} /> : null}
      {open === 'mode' ? <ModeDialog rule={rule} onClose={close} /> : null}
      {open === 'end-mode' ? <EndModeDialog rule={rule} onClose={close} /> : null}
    </section>
  );
};

/** The breaker of all rules together, where it is not closed. */
const AllTogether = () => {
  const live = useLive<{ readonly breakers: readonly Breaker[] }>('v1/breakers');
  const [isOpen, setOpen] = useState(false);
  const all = live.data?.breakers.find(({ rule }) => rule === '*');
  if (all === undefined || all.state === 'closed') return null;
  return (
    <section class="card" aria-labelledby="all-rules">
      <header>
        <h2 id="all-rules">All rules together</h2>
        <ActionButton tone="primary" deniedBy={whyNot('lead', { isShared: true })} onClick={() => setOpen(true)}>
          Reset the breaker
        </ActionButton>
      </header>
      <p>
        <BreakerState breaker={all} />
      </p>
      {isOpen ? <ResetDialog rule="*" onClose={() => setOpen(false)} /> : null}
    </section>
  );
};

/** What the detector runs, how right it is, and what people have set. */
export const RulesPage = () => {
  const live = useLive<{ readonly rules: readonly Rule[] }>('v1/rules');
  return (
    <>
      <div class="page-head">
        <div>
          <h1 tabIndex={-1}>Rules</h1>
          <p>
            What the detector looks for. A bar shows how often a rule is right, by what people confirmed and what they
            lifted as wrong: with 95 % certainty it lies in there. The mark is the floor it must keep.
          </p>
        </div>
      </div>
      <AllTogether />
      <Shown what="rules" live={live}>
        {({ rules }) =>
          rules.length === 0 ? (
            <Empty title="No detector runs a rule">
              Rules come from the file that the detector is started with. It has said nothing yet.
            </Empty>
          ) : (
            <div class="rules">
              {rules.map((rule) => (
                <RuleCard key={rule.rule} rule={rule} />
              ))}
            </div>
          )
        }
      </Shown>
    </>
  );
};
