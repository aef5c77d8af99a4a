--[[ One step of one block, as a person decided it from the version that is still there: compare version, write state, append
change. Behind block-list.lua, block-entries.lua and block-counts.lua.

ARGV[2] JSON: id, version (that the step was decided from), kind (activate | confirm | lift | extend | change-action),
  subject, shard, around, inside, addresses and scopes (of an activation: who must not be blocked), fields (names and values that change), state,
  ends, action, rule (as they are then), isList, superseded (reason of what this one takes the place of), actor
  lift: tombstoneMs, sortKey ('' = it is no address), takesStrikeBack

Returns {done, block id, then the fields and values of the block}; {changed} when it is another version or over by now;
{protected} when the allow list or a canary is in the way
]]
local asked = cjson.decode(ARGV[2])
local id, subject, shard = asked.id, asked.subject, asked.shard
if block_field(id, 'version') ~= asked.version or not is_open(id) then return { 'changed' } end
local before = block_field(id, 'state')

if asked.kind == 'activate' then
  local reason = protection(asked.around, asked.inside, senders_at(asked.addresses, asked.scopes))
  if reason == 'allow-list' or reason == 'canary' then return { 'protected' } end
  supersede(subject, shard, id, { reason = asked.superseded, actor = asked.actor })
  strike(subject, id, tonumber(block_field(id, 'strikeTtlMs') or '0'))
end

if asked.kind == 'lift' and not asked.isList then
  if asked.tombstoneMs > 0 then bury(subject, asked.sortKey, asked.tombstoneMs) end
  if asked.takesStrikeBack then redis.call('ZREM', key('strikes', subject), id) end
end

change_block(id, unpack(asked.fields))
live(key('block', id), asked.ends - now + setting.retention)
live_until(asked.ends, key('blocks'))
if asked.state == 'proposed' then
  propose(subject, id, asked.ends)
elseif proposal_of(subject) == id then
  redis.call('DEL', key('proposal', subject))
end

local is_enforced = asked.state == 'active' or asked.state == 'confirmed'
if asked.isList and asked.kind == 'lift' then
  -- Its entries are over from now on; block-walk.lua tells gates, and drops them.
  end_imports(id, '')
  record_block('noted', 0, '', id)
elseif is_enforced and asked.kind ~= 'confirm' then
  enforce(subject, shard, { ends = asked.ends, id = id, rule = asked.rule, action = asked.action })
elseif asked.kind == 'lift' and before ~= 'proposed' then
  unenforce(subject, shard, id)
else
  record_block('noted', 0, '', id)
end
sweep(4)
return with_block('done', id)
