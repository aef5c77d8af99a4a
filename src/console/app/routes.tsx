import type { ComponentType } from 'preact';
import { ClientPage } from '../client/index.tsx';
import { AlertsPage } from '../pages/alerts.tsx';
import { AllowPage } from '../pages/allow.tsx';
import { ApprovalsPage } from '../pages/approvals.tsx';
import { BatchesPage } from '../pages/batches.tsx';
import { EventsPage } from '../pages/events.tsx';
import { GatesPage } from '../pages/gates.tsx';
import { OverviewPage } from '../pages/overview.tsx';
import { PoliciesPage } from '../pages/policies.tsx';
import { RulesPage } from '../pages/rules.tsx';
import { SwitchesPage } from '../pages/switches.tsx';
import { TokensPage } from '../pages/tokens.tsx';
import { BlockPage, QueuePage } from '../review/index.tsx';
import type { PageProps } from './page.ts';
import { matched, type Params } from './router.ts';

export interface PageRoute {
  readonly pattern: string;
  /** Of the document and in the navigation. */
  readonly title: string;
  readonly page: ComponentType<PageProps>;
  /** Where the navigation lists it; null: it does not. */
  readonly section: 'Watch' | 'Review' | 'Rules and limits' | 'Access' | null;
  /** Typed one after the other it goes there: `t q`. */
  readonly keys: string | null;
}

/** All pages, in the order of the navigation. */
export const routes: readonly PageRoute[] = [
  { pattern: '/', title: 'Overview', page: OverviewPage, section: 'Watch', keys: 't o' },
  { pattern: '/alerts', title: 'Alerts', page: AlertsPage, section: 'Watch', keys: 't w' },
  { pattern: '/gates', title: 'Gates', page: GatesPage, section: 'Watch', keys: 't g' },
  { pattern: '/events', title: 'Events', page: EventsPage, section: 'Watch', keys: 't e' },
  { pattern: '/queue', title: 'Review queue', page: QueuePage, section: 'Review', keys: 't q' },
  { pattern: '/batches', title: 'Batches', page: BatchesPage, section: 'Review', keys: 't b' },
  { pattern: '/approvals', title: 'Approvals', page: ApprovalsPage, section: 'Review', keys: 't a' },
  { pattern: '/rules', title: 'Rules', page: RulesPage, section: 'Rules and limits', keys: 't r' },
  { pattern: '/policies', title: 'Policies', page: PoliciesPage, section: 'Rules and limits', keys: 't p' },
  { pattern: '/allow', title: 'Allow entries', page: AllowPage, section: 'Rules and limits', keys: 't l' },
  { pattern: '/switches', title: 'Switches', page: SwitchesPage, section: 'Rules and limits', keys: 't s' },
  { pattern: '/tokens', title: 'Tokens', page: TokensPage, section: 'Access', keys: 't t' },
  { pattern: '/blocks/:id', title: 'Block', page: BlockPage, section: null, keys: null },
  { pattern: '/clients/:subject', title: 'Client', page: ClientPage, section: null, keys: null },
];

/** The page of a path, and what the path says; null: there is none. */
export const routeOf = (path: string): { readonly route: PageRoute; readonly params: Params } | null => {
  for (const route of routes) {
    const params = matched(route.pattern, path);
    if (params !== null) return { route, params };
  }
  return null;
};
