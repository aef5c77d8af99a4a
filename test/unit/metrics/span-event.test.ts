import { type Attributes, context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ObservedDecision } from '../../../src/metrics/observed.ts';
import { noteOnSpan, spanEvent } from '../../../src/metrics/span-event.ts';

const denied: ObservedDecision = {
  outcome: 'denied',
  source: 'fallback',
  degraded: 'timeout',
  deciding: { policy: 'login', remaining: 0 },
};
const unlimited: ObservedDecision = { outcome: 'allowed', source: 'store', degraded: null, deciding: null };

const hostThatTraces = () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer('host');
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const noted = (task: () => void): readonly [string, Attributes | undefined][] => {
    exporter.reset();
    const span = tracer.startSpan('request');
    context.with(trace.setSpan(context.active(), span), task);
    span.end();
    return exporter
      .getFinishedSpans()
      .flatMap(({ events }) => events.map(({ name, attributes }) => [name, attributes] as const));
  };
  return { noted };
};

/** The host is looked for with every 16th decision. */
const untilSeen = (): void => {
  for (let count = 0; count < 16; count += 1) noteOnSpan(unlimited);
};

afterEach(() => context.disable());

describe('the span event', () => {
  it('says on the active span what was decided, with the attributes of the table and no other', () => {
    const { noted } = hostThatTraces();
    untilSeen();
    const events = noted(() => noteOnSpan(denied));
    expect(events).toEqual([
      [
        'tidegate.decision',
        {
          'tidegate.outcome': 'denied',
          'tidegate.source': 'fallback',
          'tidegate.policy': 'login',
          'tidegate.remaining': 0,
          'tidegate.degraded': 'timeout',
        },
      ],
    ]);
    expect(Object.keys(events[0]?.[1] ?? {}).sort()).toEqual(Object.keys(spanEvent.attributes).sort());
  });

  it('leaves out what there is not, and names the rule of a block', () => {
    const { noted } = hostThatTraces();
    untilSeen();
    const blocked: ObservedDecision = { outcome: 'blocked', source: 'block-list', degraded: null, rule: 'many-routes' };
    expect(noted(() => [unlimited, blocked].forEach(noteOnSpan)).map(([, attributes]) => attributes)).toEqual([
      { 'tidegate.outcome': 'allowed', 'tidegate.source': 'store' },
      { 'tidegate.outcome': 'blocked', 'tidegate.source': 'block-list', 'tidegate.policy': 'many-routes' },
    ]);
  });

  it('is not made for a span that nobody records', () => {
    hostThatTraces();
    untilSeen();
    const span = trace.wrapSpanContext({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 0 });
    const addEvent = vi.spyOn(span, 'addEvent');
    context.with(trace.setSpan(context.active(), span), () => noteOnSpan(denied));
    expect(addEvent).not.toHaveBeenCalled();
  });

  it('is found by a host that begins to trace after 16 decisions at the latest, and by none that does not', () => {
    untilSeen();
    noteOnSpan(denied);
    const { noted } = hostThatTraces();
    untilSeen();
    expect(noted(() => noteOnSpan(denied))).toHaveLength(1);
    context.disable();
    expect(() => noteOnSpan(denied)).not.toThrow();
  });
});
