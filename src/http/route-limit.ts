import type { FastifyRequest, RouteOptions } from 'fastify';
import { answeredAtOnce, refusedOptions } from '../option-checks.ts';
import type { RefundWhen } from './after-response.ts';

/** What one route says: `config: { tidegate: { cost: 5 } }`. `false` skips it. */
export interface RouteLimitOptions {
  /** Units that a request of this route spends. Default: what the plugin's `cost` says, else each policy's own. */
  readonly cost?: number | ((request: FastifyRequest) => number | undefined);
  /** Which of its requests are not decided on, beside those that the plugin's `skip` names. Default: none. */
  readonly skip?: boolean | ((request: FastifyRequest) => boolean);
  /** Default: what the plugin's `refundWhen` says. */
  readonly refundWhen?: RefundWhen;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How tidegate treats this route; false: not at all. */
    tidegate?: RouteLimitOptions | false;
  }
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isCost = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

const checks: Readonly<Record<string, readonly [isValid: (value: unknown) => boolean, message: string]>> = {
  cost: [(value) => isCost(value) || isFunction(value), 'must be a whole number >= 0 or a function'],
  skip: [(value) => typeof value === 'boolean' || isFunction(value), 'must be true, false or a function'],
  refundWhen: [isFunction, 'must be a function'],
};

/** For `onRoute`: a mistake is found when the route is made. Throws CONFIG_INVALID. */
export const checkRouteLimit = ({ config, url }: RouteOptions): void => {
  const options: unknown = config?.tidegate;
  if (options === undefined || options === false) return;
  const path = `${url}: config.tidegate`;
  const problems =
    typeof options !== 'object' || options === null
      ? [{ path, message: 'must be false or an object' }]
      : Object.entries(options).flatMap(([name, value]) => {
          const [isValid, message] = checks[name] ?? [() => false, `must be one of ${Object.keys(checks).join(', ')}`];
          return isValid(value) ? [] : [{ path: `${path}.${name}`, message }];
        });
  if (problems.length > 0) {
    throw refusedOptions(`The options of the route ${url} are not valid`, problems);
  }
};

/** What a route says, for one of its requests; null: skip it. */
export const routeLimitOf = (
  request: FastifyRequest,
  options: RouteLimitOptions | false | undefined,
): { readonly cost?: number | undefined; readonly refundWhen?: RefundWhen | undefined } | null => {
  if (options === false) return null;
  if (options === undefined) return nothing;
  const { cost, skip, refundWhen } = options;
  if (typeof skip === 'function' ? answeredAtOnce('skip', skip(request)) : skip) return null;
  return { cost: typeof cost === 'function' ? cost(request) : cost, refundWhen };
};

const nothing = {};
