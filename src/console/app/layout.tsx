import { useEffect, useRef, useState } from 'preact/hooks';
import { firingIn, useAlerts } from './alerts.ts';
import { ConnectionBanner, StateBanners } from './banners.tsx';
import { tenantsText } from './format.ts';
import { openHelp } from './help.tsx';
import { useShortcuts } from './keys.ts';
import { hrefOf, navigate, part, place } from './router.ts';
import { type PageRoute, routeOf, routes } from './routes.tsx';
import { session, signOut } from './session.ts';
import { useStatus } from './status.ts';
import { subjectOf } from './subject.ts';
import { chooseTheme, theme, themes } from './theme.ts';

const sections = ['Watch', 'Review', 'Rules and limits', 'Access'] as const;

const ThemeChoice = () => (
  <label class="theme">
    <span>Colours</span>
    <select
      value={theme.value}
      onChange={(event) => chooseTheme(themes.find((each) => each === event.currentTarget.value) ?? 'system')}
    >
      {themes.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </select>
  </label>
);

const FindClient = () => {
  const field = useRef<HTMLInputElement>(null);
  useShortcuts([{ keys: '/', label: 'Find a client', group: 'Go to', run: () => field.current?.focus() }]);
  const find = (event: Event): void => {
    event.preventDefault();
    const text = field.current?.value.trim() ?? '';
    if (text === '') return;
    navigate(hrefOf(`/clients/${part(subjectOf(text))}`));
  };
  return (
    <search class="find">
      <form onSubmit={find}>
        <label>
          <span class="visually-hidden">Find a client</span>
          <input
            ref={field}
            type="search"
            placeholder="Find a client: 203.0.113.7, ann@example.com"
            spellcheck={false}
            maxLength={256}
          />
        </label>
      </form>
    </search>
  );
};

const Who = () => {
  const who = session.value;
  if (who === null) return null;
  const name = who.name === '' ? 'anybody on this machine' : who.name;
  return (
    <div class="who">
      <span title={`of ${tenantsText(who.tenants)}`}>
        {name} <span class="quiet">{who.role}</span>
      </span>
      <button type="button" class="quiet" onClick={signOut}>
        {who.name === '' ? 'Sign in' : 'Sign out'}
      </button>
    </div>
  );
};

/** Above everything: what this is, the way to a client, who is signed in. */
export const TopBar = ({
  onMenu,
  isMenuOpen = false,
}: {
  readonly onMenu?: () => void;
  readonly isMenuOpen?: boolean;
}) => (
  <header class="top">
    {onMenu ? (
      <button type="button" class="icon menu" aria-expanded={isMenuOpen} aria-controls="navigation" onClick={onMenu}>
        <span aria-hidden="true">☰</span>
        <span class="visually-hidden">Pages</span>
      </button>
    ) : null}
    <a class="brand" href={hrefOf('/')}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M3 4v16M21 4v16M3 8h18" />
        <path class="tide" d="M3 14c3-3 6 3 9 0s6 3 9 0M3 18c3-3 6 3 9 0s6 3 9 0" />
      </svg>
      tidegate
    </a>
    {onMenu ? <FindClient /> : null}
    <div class="end">
      <button type="button" class="icon keys" aria-label="Keyboard shortcuts" onClick={openHelp}>
        ?
      </button>
      {onMenu ? null : <ThemeChoice />}
      <Who />
    </div>
  </header>
);

/** How many alerts fire, beside the way to them. */
const FiringCount = () => {
  const { data } = useAlerts();
  const count = firingIn(data).length;
  if (count === 0) return null;
  return (
    <>
      {' '}
      <span class="chip bad">{count}</span>
      <span class="visually-hidden"> firing</span>
    </>
  );
};

const NavigationLink = ({ route, isHere }: { readonly route: PageRoute; readonly isHere: boolean }) => (
  <li>
    <a href={hrefOf(route.pattern)} aria-current={isHere ? 'page' : undefined}>
      {route.title}
      {route.pattern === '/alerts' ? <FiringCount /> : null}
    </a>
  </li>
);

const Navigation = ({ here, isOpen }: { readonly here: PageRoute | null; readonly isOpen: boolean }) => {
  const { data } = useStatus();
  return (
    <nav id="navigation" aria-label="Pages" class={isOpen ? 'open' : ''}>
      {sections.map((section) => (
        <div key={section}>
          <h2>{section}</h2>
          <ul>
            {routes
              .filter((route) => route.section === section)
              .map((route) => (
                <NavigationLink key={route.pattern} route={route} isHere={route === here} />
              ))}
          </ul>
        </div>
      ))}
      <ThemeChoice />
      <p class="quiet">
        {data === null ? null : `tidegate ${data.version}, region ${data.region}`}
        <br />
        <a href="docs/">API reference</a>
      </p>
    </nav>
  );
};

const goTo = routes.flatMap(({ keys, title, pattern }) =>
  keys === null ? [] : [{ keys, label: title, group: 'Go to', run: () => navigate(hrefOf(pattern)) }],
);

const Nowhere = () => (
  <>
    <h1 tabIndex={-1}>There is no such page</h1>
    <p>
      <a href={hrefOf('/')}>To the overview</a>
    </p>
  </>
);

/** Says where one is, after every change of page: to the title, to the focus, and so to who listens. */
const useArrival = (path: string, title: string): void => {
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} · tidegate`;
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    scrollTo(0, 0);
    document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
  }, [path, title]);
};

/** The page that the address names, with all around it. */
export const Shell = () => {
  const { path } = place.value;
  const found = routeOf(path);
  const [isMenuOpen, openMenu] = useState(false);
  useShortcuts(goTo);
  useArrival(path, found?.route.title ?? 'No such page');
  useEffect(() => openMenu(false), [path]);
  const Page = found?.route.page ?? Nowhere;
  return (
    <>
      <button type="button" class="skip" onClick={skipToMain}>
        Skip to the page
      </button>
      <TopBar onMenu={() => openMenu(!isMenuOpen)} isMenuOpen={isMenuOpen} />
      <ConnectionBanner />
      <StateBanners />
      <div class="frame">
        <Navigation here={found?.route ?? null} isOpen={isMenuOpen} />
        <main id="main" tabIndex={-1}>
          <Page key={path} params={found?.params ?? {}} />
        </main>
      </div>
    </>
  );
};

/** Not a link: what follows # is the route. */
const skipToMain = (): void => document.getElementById('main')?.focus();
