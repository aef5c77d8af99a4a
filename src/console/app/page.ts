import type { Params } from './router.ts';

/** What every page is given. */
export interface PageProps {
  /** Of the pattern: `id` of `/blocks/:id`. */
  readonly params: Params;
}
