import { type InstrumentTable, none } from './instrument-kind.ts';

/** What operators and budgets let the abuse loop do, and how its changes become known. */
export const abuseInstruments = {
  switchedOff: {
    name: 'tidegate.switched_off',
    kind: 'gauge',
    unit: '{switch}',
    description: '1 while `tidegate panic` has it switched off in every gate, else 0. Told by detectors.',
    attributes: ['tidegate.what'],
  },
  ruleBreakerOpen: {
    name: 'tidegate.rules.breaker_open',
    kind: 'gauge',
    unit: '{breaker}',
    description:
      '1 while the rule is over its budget and only proposes, 0.5 after a reset, else 0. No value before it has blocked anybody.',
    attributes: ['tidegate.rule'],
  },
  ruleBlocks: {
    name: 'tidegate.rules.recent_blocks',
    kind: 'gauge',
    unit: '{block}',
    description: 'Blocks that the rule made within the last hour, at all detectors together.',
    attributes: ['tidegate.rule'],
  },
  relayLag: {
    name: 'tidegate.relay.lag',
    kind: 'gauge',
    unit: 's',
    description:
      'How long the oldest change of the block list has been waiting to be published that this process has read.',
    attributes: none,
  },
  relayLeaders: {
    name: 'tidegate.relay.leaders',
    kind: 'up-down counter',
    unit: '{relay}',
    description: 'Relays of this process that publish the changes of the block list: one in all processes together.',
    attributes: none,
  },
  relayPublished: {
    name: 'tidegate.relay.published',
    kind: 'counter',
    unit: '{change}',
    description: 'Changes of the block list that went to the log.',
    attributes: none,
  },
  relayLost: {
    name: 'tidegate.relay.lost',
    kind: 'counter',
    unit: '{change}',
    description: 'Changes that were gone before they could be published: the audit has a gap.',
    attributes: none,
  },
  relayFailures: {
    name: 'tidegate.relay.failures',
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts to publish that failed and are made again.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
