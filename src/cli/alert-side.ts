import { randomBytes } from 'node:crypto';
import { ChangeWatch } from '../alert/change-watch.ts';
import { Deliverer } from '../alert/deliverer.ts';
import type { Endpoint } from '../alert/endpoint.ts';
import type { Outbox } from '../alert/outbox.ts';
import { createPost } from '../alert/post.ts';
import { systemRandom } from '../clock.ts';
import type { Instrumentation } from '../metrics/instrument.ts';
import type { Notify } from '../review/notice.ts';
import type { Context } from './context.ts';
import type { Counters } from './engines.ts';
import type { Opened } from './opened.ts';
import { readWebhookFile } from './webhook-file.ts';

/** Who is told by webhook; nobody where no file is named. @throws TidegateError CONFIG_INVALID. */
export const readEndpoints = ({ config }: Context): Endpoint[] =>
  config.webhooksFile === null ? [] : readWebhookFile(config.webhooksFile);

/** What people do is told by whichever process delivers. */
export const notifying =
  (outbox: Pick<Outbox, 'put'>): Notify =>
  async (notice) => {
    await outbox.put([notice]);
  };

export interface AlertSideOptions {
  readonly counters: Pick<Counters, 'blockList' | 'outbox'>;
  readonly endpoints: readonly Endpoint[];
  readonly measuring: Instrumentation;
  readonly opened: Opened;
}

/** Joins those who deliver webhooks, of whom one does at a time. Without endpoints it does not. */
export const openAlertSide = ({ config, clock, logger }: Context, options: AlertSideOptions): void => {
  const { counters, endpoints, measuring, opened } = options;
  if (endpoints.length === 0) return;
  const { blockList: changes, outbox } = counters;
  const watch = new ChangeWatch({ changes, outbox, clock, logger });
  const deliverer = new Deliverer({
    outbox,
    endpoints,
    post: createPost({ clock }),
    clock,
    random: systemRandom,
    logger,
    holder: `${config.region}-${randomBytes(6).toString('hex')}`,
    look: () => watch.look(),
  });
  opened.add(deliverer, (closing) => closing.stop());
  measuring.observeDeliverer(deliverer);
  deliverer.start();
};
