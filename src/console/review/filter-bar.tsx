import { useEffect, useRef, useState } from 'preact/hooks';
import { useShortcuts } from '../app/keys.ts';
import { Choice } from '../app/parts.tsx';
import { replaceQuery } from '../app/router.ts';
import { session } from '../app/session.ts';
import { isNarrowed, type QueueFilter, queryOf, type Show, type Sort } from './filter.ts';
import { useRules } from './rule-card.tsx';

const showTexts: readonly { readonly value: Show; readonly text: string }[] = [
  { value: 'due', text: 'To review' },
  { value: 'proposed', text: 'Proposed' },
  { value: 'active', text: 'Active' },
  { value: 'confirmed', text: 'Confirmed' },
  { value: 'lifted', text: 'Lifted' },
  { value: 'expired', text: 'Expired' },
  { value: 'shadow', text: 'Shadow' },
  { value: 'all', text: 'All' },
];

const sortTexts: readonly { readonly value: Sort; readonly text: string }[] = [
  { value: 'newest', text: 'newest first' },
  { value: 'oldest', text: 'oldest first' },
  { value: 'ending', text: 'ending soonest' },
  { value: 'most-denied', text: 'most denied' },
];

const kindTexts = [
  { value: '', text: 'all kinds' },
  { value: 'ip', text: 'addresses' },
  { value: 'network', text: 'networks' },
  { value: 'user', text: 'users' },
  { value: 'key', text: 'keys' },
] as const;

const assigneeTexts = [
  { value: '', text: 'everybody' },
  { value: 'me', text: 'me' },
  { value: 'nobody', text: 'nobody' },
] as const;

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly { readonly value: string; readonly text: string }[];
  readonly onChange: (value: string) => void;
}

const Select = ({ label, value, options, onChange }: SelectProps) => (
  <label>
    {label}
    <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      {options.some((option) => option.value === value) ? null : <option value={value}>{value}</option>}
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.text}
        </option>
      ))}
    </select>
  </label>
);

/** A text that counts when it was entered, not with each letter. */
const Search = ({ value, onSearch }: { readonly value: string; readonly onSearch: (text: string) => void }) => {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useShortcuts([{ keys: '/', label: 'Filter by client', group: 'Review', run: () => field.current?.focus() }]);
  const search = (event: Event): void => {
    event.preventDefault();
    onSearch(text.trim());
    field.current?.blur();
  };
  return (
    <form class="search" onSubmit={search}>
      <label>
        Client
        <input
          ref={field}
          type="search"
          value={text}
          placeholder="203.0.113.7, user:anna, …"
          spellcheck={false}
          autocapitalize="off"
          maxLength={512}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => (event.key === 'Escape' ? field.current?.blur() : undefined)}
          onBlur={() => onSearch(text.trim())}
        />
      </label>
    </form>
  );
};

const useRuleOptions = () => [
  { value: '', text: 'all rules' },
  ...useRules().map(({ rule }) => ({ value: rule, text: rule })),
];

const Tenants = ({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) => {
  const tenants = session.value?.tenants ?? null;
  if (tenants !== null) {
    const options = [
      { value: '', text: 'all of yours' },
      ...tenants.map((tenant) => ({ value: tenant, text: tenant })),
    ];
    return <Select label="Tenant" value={value} options={options} onChange={onChange} />;
  }
  return (
    <label>
      Tenant
      <input
        class="tenant"
        defaultValue={value}
        placeholder="all tenants"
        maxLength={128}
        spellcheck={false}
        onChange={(event) => onChange(event.currentTarget.value.trim())}
      />
    </label>
  );
};

/** What the queue shows, in what order. */
export const FilterBar = ({ filter }: { readonly filter: QueueFilter }) => {
  const rules = useRuleOptions();
  const set = (change: Partial<QueueFilter>): void => {
    const next = { ...filter, ...change };
    if (JSON.stringify(next) !== JSON.stringify(filter)) replaceQuery(queryOf(next));
  };
  const reset = (): void => set({ rule: '', kind: '', tenant: '', assignee: '', subject: '' });
  return (
    <div class="filter-bar">
      <Choice label="Which blocks" options={showTexts} value={filter.show} onChange={(show) => set({ show })} />
      <details class="filters" open={isNarrowed(filter) || matchMedia('(min-width: 56rem)').matches}>
        <summary>Filter and order</summary>
        <div class="toolbar">
          <Search value={filter.subject} onSearch={(subject) => set({ subject })} />
          <Select label="Rule" value={filter.rule} options={rules} onChange={(rule) => set({ rule })} />
          <Select label="Kind" value={filter.kind} options={kindTexts} onChange={(kind) => set({ kind })} />
          <Tenants key={filter.tenant} value={filter.tenant} onChange={(tenant) => set({ tenant })} />
          <Select
            label="Assigned to"
            value={filter.assignee}
            options={assigneeTexts}
            onChange={(assignee) => set({ assignee: assignee as QueueFilter['assignee'] })}
          />
          <Select
            label="Order"
            value={filter.sort}
            options={sortTexts}
            onChange={(sort) => set({ sort: sort as Sort })}
          />
          {isNarrowed(filter) ? (
            <button type="button" class="quiet" onClick={reset}>
              Clear filters
            </button>
          ) : null}
        </div>
      </details>
    </div>
  );
};
