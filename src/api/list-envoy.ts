import type { AddressLine } from './list-addresses.ts';
import type { AddressFile } from './list-formats.ts';

const typeUrl = 'type.googleapis.com';

const action = (name: string, verdict: 'ALLOW' | 'DENY') => ({
  action: { name, typed_config: { '@type': `${typeUrl}/envoy.config.rbac.v3.Action`, name, action: verdict } },
});

const onMatch = {
  refuse: JSON.stringify(action('tidegate-refuse', 'DENY')),
  pass: JSON.stringify(action('tidegate-pass', 'ALLOW')),
} as const;

const input = JSON.stringify({
  name: 'envoy.matching.inputs.source_ip',
  typed_config: { '@type': `${typeUrl}/envoy.extensions.matching.common_inputs.network.v3.SourceIPInput` },
});

const begin =
  `{"resources":[{"@type":"${typeUrl}/envoy.config.core.v3.TypedExtensionConfig","name":"tidegate","typed_config":` +
  `{"@type":"${typeUrl}/envoy.extensions.filters.http.rbac.v3.RBAC"`;

const beginTree =
  `,"matcher":{"matcher_tree":{"input":${input},"custom_match":{"name":"tidegate","typed_config":` +
  `{"@type":"${typeUrl}/xds.type.matcher.v3.IPMatcher","range_matchers":[`;

const endTree = `]}}},"on_no_match":${onMatch.pass}}`;

const rangeOf = ({ network, prefixLength }: AddressLine): string => {
  const slash = network.indexOf('/');
  const address = slash < 0 ? network : network.slice(0, slash);
  return JSON.stringify({ address_prefix: address, prefix_len: prefixLength });
};

/**
 * A discovery response with one HTTP RBAC filter, for an extension config that Envoy reads from a file. Addresses are found in
 * a trie, and the longest prefix wins. A filter without a matcher lets everybody pass: that is the empty list, for a matcher
 * must not be empty. JSON has no comments, so the version says what the file holds.
 */
export const envoyFile = (): AddressFile => {
  let version = '';
  let last: AddressLine['then'] | null = null;
  const closed = (): string => (last === null ? '' : `],"on_match":${onMatch[last]}}`);
  return {
    begin: (about) => {
      version = about.join('; ');
      return begin;
    },
    line: (line) => {
      if (line.then === last) return `,\n${rangeOf(line)}`;
      const opened = last === null ? beginTree : `${closed()},\n`;
      last = line.then;
      return `${opened}{"ranges":[${rangeOf(line)}`;
    },
    end: (about) => {
      const tree = last === null ? '' : closed() + endTree;
      return `${tree}}}],"version_info":${JSON.stringify(`${version}; ${about}`)}}\n`;
    },
  };
};
