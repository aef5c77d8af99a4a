/**
 * `tidegate/testing`: a clock that you move and engines in memory, so that your own limits are tested without sleeping.
 */
export { ManualClock } from '../clock.ts';
export { MemoryLimitStore } from '../limiter/memory-limit-store.ts';
export { MemoryBlockList } from './memory-block-list.ts';
export { MemoryEventLog } from './memory-event-log.ts';
