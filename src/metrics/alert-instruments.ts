import { type InstrumentTable, none } from './instrument-kind.ts';

/** Who is told of what happens, by webhook. */
export const alertInstruments = {
  webhooksDelivered: {
    name: 'tidegate.webhooks.delivered',
    kind: 'counter',
    unit: '{delivery}',
    description: 'Notices that arrived, once for each endpoint.',
    attributes: none,
  },
  webhooksFailures: {
    name: 'tidegate.webhooks.failures',
    kind: 'counter',
    unit: '{attempt}',
    description: 'Tries to deliver a notice that failed and are made again.',
    attributes: none,
  },
  webhooksGivenUp: {
    name: 'tidegate.webhooks.given_up',
    kind: 'counter',
    unit: '{delivery}',
    description: 'Notices that did not arrive within 24 hours: nobody was told.',
    attributes: none,
  },
  webhooksDropped: {
    name: 'tidegate.webhooks.dropped',
    kind: 'gauge',
    unit: '{notice}',
    description: 'Notices that the outbox had no room for, since it is there. Told by the process that delivers.',
    attributes: none,
  },
  webhooksWaiting: {
    name: 'tidegate.webhooks.waiting',
    kind: 'gauge',
    unit: '{delivery}',
    description: 'Notices that wait for an endpoint. Told by the process that delivers.',
    attributes: none,
  },
  webhooksDisabled: {
    name: 'tidegate.webhooks.disabled',
    kind: 'gauge',
    unit: '{endpoint}',
    description: 'Endpoints that answered 410 and are told nothing more. Told by the process that delivers.',
    attributes: none,
  },
  webhooksLeaders: {
    name: 'tidegate.webhooks.leaders',
    kind: 'up-down counter',
    unit: '{deliverer}',
    description: 'Deliverers of this process that deliver: one in all processes together.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
