import { type Attributes, context, createContextKey, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { ObservedDecision } from './observed.ts';

export const spanEvent = {
  name: 'tidegate.decision',
  attributes: {
    'tidegate.outcome': '`allowed`, `denied` or `blocked`',
    'tidegate.source': 'who decided',
    'tidegate.policy': 'the policy that decided, for blocked requests the rule; left out where none did',
    'tidegate.remaining': 'units left at the limit that decided; left out where none did',
    'tidegate.degraded': 'why the primary store did not decide; left out while it does',
  },
} as const;

/** Decisions between two looks for a host that traces: asking for the active span of one that does not is dear. */
const lookEvery = 16;
const probeKey = createContextKey('tidegate probe');
const probe = ROOT_CONTEXT.setValue(probeKey, true);
const findsProbe = (): boolean => context.active().getValue(probeKey) === true;

/** Without a context manager what is put into a context is not found there, and no span is ever active. */
const hostKeepsContext = (): boolean => context.with(probe, findsProbe);

let tracing = false;
let untilLook = 1;

/** Says on the active span, if there is one and it is recorded, what was decided. Never who asked. */
export const noteOnSpan = ({ outcome, source, degraded, deciding, rule }: ObservedDecision): void => {
  untilLook -= 1;
  if (untilLook === 0) {
    untilLook = lookEvery;
    tracing = hostKeepsContext();
  }
  const span = tracing ? trace.getActiveSpan() : undefined;
  if (!span?.isRecording()) return;
  const attributes: Attributes = { 'tidegate.outcome': outcome, 'tidegate.source': source };
  const policy = deciding?.policy ?? rule;
  if (policy !== undefined) attributes['tidegate.policy'] = policy;
  if (deciding) attributes['tidegate.remaining'] = deciding.remaining;
  if (degraded !== null) attributes['tidegate.degraded'] = degraded;
  span.addEvent(spanEvent.name, attributes);
};
