// The status page: asks the API of the process that served it, and draws what it says. Everything that comes from the API
// is text to it, never markup: routes and clients are named by whoever attacks.

import { bytes, clock, drawing, duration, element, percent, plural, shown } from './text.js';

const pollMs = 1500;
const answerTimeoutMs = 8000;
const keptSamples = 120;
const outcomes = ['allowed', 'denied', 'blocked'];

const byId = (id) => document.getElementById(id);
/** A link may bring it along: what follows # goes to no server, and is taken out of the address at once. */
const handed = /^#token=(.+)$/.exec(location.hash)?.[1];
if (handed !== undefined) {
  sessionStorage.setItem('tidegate.token', decodeURIComponent(handed));
  history.replaceState(null, '', location.pathname);
}
let token = sessionStorage.getItem('tidegate.token') ?? '';

/** The answer's body; throws with what the API said is wrong. */
const ask = async (path, { headers: more = {}, ...request } = {}) => {
  const headers = token === '' ? more : { ...more, authorization: `Bearer ${token}` };
  const response = await fetch(path, { ...request, headers, signal: AbortSignal.timeout(answerTimeoutMs) });
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw Object.assign(new Error(body.detail ?? `${path} answers ${response.status}`), { status: response.status });
};

const drawTotals = (gate) => {
  const tile = (name, value, detail) =>
    element('div', [element('dt', name), element('dd', shown(value)), element('dd', detail, 'quiet')], name);
  byId('totals').replaceChildren(
    tile('decisions', gate.decisions, `${shown(gate.degraded)} degraded`),
    ...outcomes.map((outcome) => tile(outcome, gate[outcome], percent(gate[outcome], gate.decisions))),
  );
};

/** Counters inside the process move none. */
const withBytes = (saved) => (saved > 0 ? `, ${bytes(saved)}` : '');

const fact = (name, value, isBad = false) => [element('dt', name), element('dd', value, isBad ? 'bad' : '')];

const savedText = ({ storeCommandsSaved, storeBytesSaved }, abuse) => {
  const here = `${shown(storeCommandsSaved)}${withBytes(storeBytesSaved)}`;
  if (!abuse) return here;
  const { savedCommands, savedBytes } = abuse.refusals;
  return `${here}; all gates ${shown(savedCommands)}${withBytes(savedBytes)}`;
};

/** What an operator has switched off in every gate is the first thing to know. */
const drawSwitches = (abuse) => {
  const off = Object.entries(abuse?.switchedOff ?? {}).filter(([, until]) => until !== null);
  byId('switched-off').hidden = off.length === 0;
  byId('switched-off').textContent = off
    .map(([what, until]) => `All ${what} are switched off until ${clock(until)}.`)
    .join(' ');
};

const ruleText = ({ mode, cap, breaker }) =>
  [
    mode ?? '',
    cap === null ? '' : `at most ${cap}`,
    breaker === 'open' ? 'over its budget: it only proposes' : breaker === 'half-open' ? 'on trial after a reset' : '',
  ]
    .filter((part) => part !== '')
    .join(', ');

const ruleFacts = (rules) =>
  rules.flatMap((rule) =>
    fact(rule.rule === '*' ? 'All rules together' : `Rule ${rule.rule}`, ruleText(rule), rule.breaker === 'open'),
  );

const drawPipeline = ({ gate, fleet, events, ingest, stored, blockList, abuse }) => {
  byId('pipeline').replaceChildren(
    ...fact('Events waiting for the log', shown(events?.waiting)),
    ...fact('Events lost', shown(events?.lost), (events?.lost ?? 0) > 0),
    ...fact('Ingest behind the log', ingest ? `${shown(ingest.lagRecords)} frames` : 'not in this process'),
    ...fact(
      'Decisions stored, of all gates and checks',
      stored ? shown(stored.decisions) : 'database out of reach',
      !stored,
    ),
    ...fact('Age of the newest stored one', duration(stored?.freshnessMs)),
    ...fact('Block list entries', shown(blockList?.entries)),
    ...fact('Block list age', duration(blockList?.ageMs), (blockList?.ageMs ?? 0) > 5000),
    ...fact('Limiter calls the block list saved', savedText(gate, abuse)),
    ...fact('Gates that share the limits', shown(fleet?.liveGates)),
    ...fact('Policies', element('code', gate.policyVersion ?? '—')),
    ...fact(
      'Policy versions in force',
      shown(Object.keys(fleet?.policyVersions ?? {}).length),
      Object.keys(fleet?.policyVersions ?? {}).length > 1,
    ),
    ...ruleFacts(abuse?.rules ?? []),
  );
};

/** How the counters grew between two polls: {at, spanMs, allowed, denied, blocked}. */
const samples = [];
let previous = null;

const addSample = (gate) => {
  const at = new Date();
  const grew = previous !== null && gate.decisions >= previous.gate.decisions;
  if (grew) {
    const growth = Object.fromEntries(outcomes.map((outcome) => [outcome, gate[outcome] - previous.gate[outcome]]));
    samples.push({ at, spanMs: Math.max(1, at - previous.at), ...growth });
  } else if (previous !== null) samples.length = 0;
  if (samples.length > keptSamples) samples.shift();
  previous = { at, gate };
};

const perSecond = (sample, outcome) => (sample[outcome] * 1000) / sample.spanMs;
const sumPerSecond = (sample) => outcomes.reduce((sum, outcome) => sum + perSecond(sample, outcome), 0);

/** The next round number above. */
const roundedUp = (value) => {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return (
    [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((candidate) => candidate >= value) ?? value
  );
};

const drawChart = () => {
  if (samples.length === 0) return;
  const [width, height] = [720, 180];
  const slots = Math.max(40, samples.length);
  const top = roundedUp(Math.max(...samples.map(sumPerSecond)));
  const slotWidth = width / slots;
  const bars = samples.flatMap((sample, index) => {
    let y = height;
    return outcomes.map((outcome) => {
      const barHeight = (perSecond(sample, outcome) / top) * (height - 4);
      y -= barHeight;
      const x = (slots - samples.length + index) * slotWidth;
      return drawing('rect', { x, y, width: slotWidth * 0.84, height: barHeight, class: outcome });
    });
  });
  const half = height - (height - 4) / 2;
  const chart = byId('chart');
  chart.replaceChildren(
    chart.querySelector('title'),
    drawing('line', { x1: 0, x2: width, y1: half, y2: half }),
    ...bars,
  );
  const spanMs = samples.reduce((sum, { spanMs: each }) => sum + each, 0);
  byId('chart-scale').replaceChildren(
    element('span', `full height ${shown(top)}/s`),
    element('span', `until ${clock(samples.at(-1).at)}`),
  );
  const sum = (outcome) => samples.reduce((total, sample) => total + sample[outcome], 0);
  byId('chart-summary').textContent =
    `Last ${duration(spanMs)}: ${outcomes.map((outcome) => `${shown(sum(outcome))} ${outcome}`).join(', ')}.`;
};

const empty = (text) => element('p', text, 'quiet');

const rateBar = (rate) => {
  const bar = drawing('svg', {
    viewBox: '0 0 100 10',
    preserveAspectRatio: 'none',
    class: 'bar',
    'aria-hidden': 'true',
  });
  bar.append(drawing('rect', { width: 100 * rate, height: 10, class: 'denied' }));
  return bar;
};

const throttleRow = ({ key, decisions, denied, blocked, throttleRate }) =>
  element('tr', [
    element('td', element('code', key === '' ? '(none)' : key), 'route'),
    element('td', shown(decisions), 'number'),
    element('td', shown(denied), 'number'),
    element('td', shown(blocked), 'number'),
    element('td', [percent(throttleRate, 1), rateBar(throttleRate)], 'number'),
  ]);

const throttleTable = ({ by, rates }) => {
  if (rates.length === 0) return empty('Nothing stored in the last hour.');
  const heads = [by, 'decisions', 'denied', 'blocked', 'throttle rate'];
  const head = element(
    'tr',
    heads.map((name, index) => element('th', name, index === 0 ? '' : 'number')),
  );
  for (const cell of head.children) cell.setAttribute('scope', 'col');
  return element('table', [element('thead', head), element('tbody', rates.map(throttleRow))]);
};

const throttleDimensions = ['tenant', 'route'];

/** An overwhelming window counts as several; without a word of it, "1 of 10" looks too few. */
const heavier = ({ hit, weight, needed }) =>
  weight > hit ? `, that ${hit === 1 ? 'counts' : 'count'} as ${weight} (${needed} needed)` : '';

const evidenceBody = ({ windows, routes, early, denied, allowed, distinctRoutes, policies, members, collateral }) => {
  // Nothing is said of none: for waits of under a second nobody can tell.
  const impatience = !early ? '' : ` ${shown(early)} of them came back before their retry time.`;
  const network = members ? ` By ${plural(members.clients, 'client')} of this network.` : '';
  const others =
    collateral?.identities > 0 ? ` ${plural(collateral.identities, 'identity', 'identities')} behind it.` : '';
  return [
    element(
      'p',
      `${shown(denied)} denied and ${shown(allowed)} allowed on ` +
        `${plural(distinctRoutes, 'route')}, in ${windows.hit} of ${windows.of} windows of ${duration(windows.windowMs).replace('.0', '')}${heavier(windows)}.${impatience}${network}${others}`,
    ),
    element('p', [`Policies: `, element('code', policies.join(', '))]),
    element(
      'ul',
      routes.map(({ route, denied: each }) => element('li', [element('code', route), ` ${shown(each)} denied`])),
    ),
  ];
};

const origins = { detector: 'found by the detector', person: 'made by a person', list: 'imported' };
const actionText = ({ kind, limit, windowMs }) =>
  kind === 'limit' ? `limited to ${shown(limit)} per ${duration(windowMs).replace('.0', '')}` : 'refused';

const refusedText = ({ refused, savedCommands, savedBytes, lastAt }) =>
  `Refused ${plural(refused, 'request')}, the last at ${clock(lastAt)}; ` +
  `spared ${plural(savedCommands, 'command')} to the counter store${withBytes(savedBytes)}.`;

const lift = async ({ id, version }, reason) => {
  try {
    await ask(`v1/blocks/${encodeURIComponent(id)}/lift`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'if-match': `"${version}"` },
      body: JSON.stringify({ reason, note: 'from the status page' }),
    });
  } catch (error) {
    byId('notice').hidden = false;
    byId('notice').textContent = `Not lifted. ${error.message}`;
  }
  await refreshBlocks();
};

const liftButtons = (block) => {
  const button = (reason, text) => {
    const made = element('button', text);
    made.type = 'button';
    made.addEventListener('click', () => {
      made.disabled = true;
      void lift(block, reason);
    });
    return made;
  };
  return element('p', [
    button('false-positive', 'Lift: it was wrong'),
    ' ',
    button('goodwill', 'Lift: out of goodwill'),
  ]);
};

const blockBody = (block) => {
  const { evidence, refusals, expiresAt, reason, actor, tenant, strikes, action, origin } = block;
  return element(
    'div',
    [
      ...(evidence ? evidenceBody(evidence) : []),
      element('p', `Requests are ${actionText(action)}; ${origins[origin] ?? origin}.`),
      ...(refusals ? [element('p', refusedText(refusals))] : []),
      element(
        'p',
        `Until ${clock(expiresAt)}, strike ${shown(strikes)}${tenant ? `, tenant ${tenant}` : ''}, by ${actor}${reason ? `: ${reason}` : ''}`,
        'quiet',
      ),
      ...(token === '' ? [] : [liftButtons(block)]),
    ],
    'body',
  );
};

let drawnBlocks = '';

/** Only what changed is drawn again, and what a person has opened, closed or focused stays so. */
const drawBlocks = (blocks) => {
  const text = JSON.stringify(blocks);
  if (text === drawnBlocks) return;
  drawnBlocks = text;
  const known = new Map(
    [...document.querySelectorAll('#blocks details')].map((entry) => [entry.dataset.id, entry.open]),
  );
  const focused = document.activeElement?.closest('#blocks details')?.dataset.id;
  const entries = blocks.map((block) => {
    const chip = element('span', block.state, `chip ${block.state === 'proposed' ? 'denied' : 'blocked'}`);
    const { kind, id, tenant } = block.subject;
    const name = element('code', `${kind} ${id}${tenant === undefined ? '' : ` in ${tenant}`}`);
    const summary = element('summary', [name, chip, `${block.rule}, since ${clock(block.blockedAt)}`]);
    const entry = element('details', [summary, blockBody(block)]);
    entry.dataset.id = block.id;
    entry.open = known.get(block.id) ?? blocks.length <= 3;
    return entry;
  });
  byId('blocks').replaceChildren(...(entries.length > 0 ? entries : [empty('Nobody is blocked.')]));
  entries
    .find((entry) => entry.dataset.id === focused)
    ?.querySelector('summary')
    .focus();
};

const setState = (state, text) => {
  const chip = byId('state');
  if (chip.textContent === text) return;
  chip.dataset.state = state;
  chip.textContent = text;
};

/** Asks for a token when the API wants one, and says what the API said about it. */
const askForToken = (problem) => {
  byId('access').hidden = problem === null;
  byId('access-detail').textContent = problem === null ? '' : problem.message;
  if (problem !== null) {
    drawnBlocks = '';
    byId('blocks').replaceChildren(empty('Not shown without a token.'));
  }
};

const refreshBlocks = async () => {
  try {
    drawBlocks((await ask('v1/blocks?states=active,confirmed,proposed&limit=50')).blocks);
    askForToken(null);
  } catch (error) {
    if (error.status !== 401) throw error;
    askForToken(error);
  }
};

const refreshThrottle = (by) =>
  ask(`v1/throttle-rates?by=${by}&groups=12`).then(
    (answer) => byId(`throttle-${by}`).replaceChildren(throttleTable(answer)),
    (error) => {
      if (error.status !== 503) throw error;
      byId(`throttle-${by}`).replaceChildren(empty(error.message));
    },
  );

const refresh = async () => {
  const status = await ask('v1/status');
  byId('about').textContent = `${status.version} · ${status.region} · up ${duration(status.uptimeMs)}`;
  addSample(status.gate);
  drawTotals(status.gate);
  drawSwitches(status.abuse);
  drawPipeline(status);
  drawChart();
  await Promise.all([refreshBlocks(), ...throttleDimensions.map(refreshThrottle)]);
  setState(status.phase === 'running' ? 'live' : 'waiting', status.phase === 'running' ? 'Live' : status.phase);
};

const poll = async () => {
  try {
    if (!document.hidden) await refresh();
    byId('notice').hidden = true;
  } catch (error) {
    setState('lost', 'No answer');
    byId('notice').hidden = false;
    byId('notice').textContent = `The numbers are the last ones known. ${error.message}`;
  } finally {
    setTimeout(poll, pollMs);
  }
};

byId('access').addEventListener('submit', (event) => {
  event.preventDefault();
  token = byId('token').value.trim();
  sessionStorage.setItem('tidegate.token', token);
  refreshBlocks().catch((error) => askForToken(error));
});

void poll();
