import type { Contest } from '../contest.ts';
import { blockedClient } from './blocked.ts';
import { fastifyHttp } from './fastify-http.ts';
import { memory1mKeys, memory100kKeys, memory100kKeysExpress } from './in-memory.ts';
import { leaseHotKey } from './lease-hot-key.ts';
import { match100kPolicies } from './matching.ts';
import {
  fourLimits,
  redis1InFlightP50,
  redis64InFlightP99,
  redis512InFlight,
  redis512InFlightExpress,
} from './over-redis.ts';
import { redisCeiling } from './redis-ceiling.ts';

/** What one decision costs, beside the limiters that people use today. */
export const enforcement: readonly Contest[] = [
  memory100kKeys,
  memory100kKeysExpress,
  leaseHotKey,
  blockedClient,
  redis512InFlight,
  redis512InFlightExpress,
  redis64InFlightP99,
  redis1InFlightP50,
  redisCeiling,
  fourLimits,
  fastifyHttp,
  match100kPolicies,
  memory1mKeys,
];
