import { type Static, Type } from 'typebox';
import { type BlockSwitches, type Switch, type Switches, switched } from '../blocklist/block-switches.ts';
import type { Logger } from '../logger.ts';
import { namingFields } from './block-refusal.ts';
import { Instant, InstantInput, instantFrom, instantText, Note } from './fields.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const Off = Type.Union([Type.Object({ until: Instant, actor: Type.String(), note: Type.String() }), Type.Null()], {
  description: 'null: on. Else until when it is off in every gate, by whom and why.',
});
const SwitchesSchema = Type.Object({ blocks: Off, limits: Off });

const SwitchBody = Type.Object(
  {
    until: Type.Union([InstantInput('Off until then, and on again by itself.'), Type.Null()], {
      description: 'null: on again.',
    }),
    note: Note,
  },
  { additionalProperties: false },
);

const offView = (off: Switch | null): Static<typeof Off> =>
  off && { until: instantText(off.untilMs), actor: off.actor, note: off.note };

const switchesView = ({ blocks, limits }: Switches): Static<typeof SwitchesSchema> => ({
  blocks: offView(blocks),
  limits: offView(limits),
});

export interface SwitchRoutesOptions {
  readonly list: Pick<BlockSwitches, 'switches' | 'setSwitch'>;
  readonly logger: Logger;
}

/** Blocks or limits off, in every gate, for a while. */
export const switchRoutes = (api: Api, { list, logger }: SwitchRoutesOptions): void => {
  api.get(
    '/v1/switches',
    {
      ...needs('viewer', { allTenants: true }),
      schema: {
        operationId: 'getSwitches',
        summary: 'What is switched off in every gate',
        tags: ['blocks'],
        response: { 200: SwitchesSchema, ...problemResponses(503) },
      },
    },
    async () => switchesView(await list.switches()),
  );
  api.put(
    '/v1/switches/:what',
    {
      ...needs('admin', { allTenants: true }),
      schema: {
        operationId: 'setSwitch',
        summary: 'Switch all blocks, or all limits, off in every gate, or on again',
        tags: ['blocks'],
        params: Type.Object({ what: Type.Enum([...switched]) }),
        body: SwitchBody,
        response: { 200: SwitchesSchema, ...problemResponses(503) },
      },
    },
    async ({ params: { what }, body: { until, note }, reviewer }) => {
      const act = { actor: reviewer.name, note };
      const off = until === null ? null : { ...act, untilMs: instantFrom(until, 'body.until') };
      const switches = await namingFields(() => list.setSwitch(what, off, act));
      logger.warn({ what, until, actor: reviewer.name }, off ? 'switched off in every gate' : 'switched on again');
      return switchesView(switches);
    },
  );
};
