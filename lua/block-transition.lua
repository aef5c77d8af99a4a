--[[ One step of one block, as a person decided it from the version that is still there: compare version, write state, append
change. Behind block-list.lua, block-entries.lua, block-counts.lua and block-judge.lua.

ARGV[2] JSON: id, version (that the step was decided from, as it is stored), next (version that it leads to), kind (of the step), taken
  (what the person does, JSON text), told (to gates: added | removed | noted), subject, shard, fields (names and values that
  change), state, ends, action, rule (as they are then), isList, by (of whose judgements it is; '' is nobody's), labels (before and
  after), labelledAtMs (then; 0: it has no label), and
  activate, undo: around, inside, addresses and scopes (who must not be blocked)
  activate: superseded (reason of what this one takes the place of), ended (what is done to that, JSON text), actor
  lift: tombstoneMs, sortKey ('' = it is no address), takesStrikeBack
  undo: keepsPlace (nobody can have taken the place that it gives back while the block is open)
  all but undo: undo (what an undo puts back, as a table; strike and tombstone are added here; not there: it cannot be undone)

Returns {done, block id, then the fields and values of the block}; {changed} when it is another version or over by now;
{protected} when the allow list, a canary or another block is in the way
]]
local asked = cjson.decode(ARGV[2])
local id, subject, shard = asked.id, asked.subject, asked.shard
local is_undo = asked.kind == 'undo'
if block_field(id, 'version') ~= asked.version or asked.ends <= now and is_undo then return { 'changed' } end
if not is_undo and not is_open(id) then return { 'changed' } end
local undo = is_undo and cjson.decode(block_field(id, 'undo') or '{}') or asked.undo

local function is_protected()
  local reason = protection(asked.around, asked.inside, senders_at(asked.addresses, asked.scopes))
  return reason == 'allow-list' or reason == 'canary'
end
local function is_free()
  local entry, proposal = entry_at(subject, shard), proposal_of(subject)
  return (not entry or entry.id == id) and (not proposal or proposal == id)
end

if is_undo and not (asked.keepsPlace and (asked.isList or is_open(id))) and (is_protected() or not is_free()) then
  return { 'protected' }
end

local strike_ends = tonumber(redis.call('ZSCORE', key('strikes', subject), id) or '0')
if undo and not is_undo then undo.strikeUntilMs = whole(strike_ends) end

if asked.kind == 'activate' then
  if is_protected() then return { 'protected' } end
  supersede(subject, shard, id, { reason = asked.superseded, actor = asked.actor, taken = asked.ended })
  strike(subject, id, tonumber(block_field(id, 'strikeTtlMs') or '0'))
end

if asked.kind == 'lift' and not asked.isList then
  if asked.tombstoneMs > 0 then
    undo.tombstone = { whole(tombstone_of(subject) or 0), whole(now + asked.tombstoneMs) }
    bury(subject, asked.sortKey, asked.tombstoneMs)
  end
  if asked.takesStrikeBack then redis.call('ZREM', key('strikes', subject), id) end
end

if is_undo then
  local tombstone, held = undo.tombstone, tombstone_of(subject)
  -- One that came later is somebody else's.
  if tombstone and (held or now) == math.max(now, tonumber(tombstone[2])) then
    redis.call('DEL', key('tombstone', subject))
    local ends = tonumber(tombstone[1])
    if ends > now then bury(subject, asked.sortKey, ends - now) end
  end
  local ends = tonumber(undo.strikeUntilMs)
  redis.call('ZREM', key('strikes', subject), id)
  if ends > now then strike(subject, id, ends - now) end
end

change_block(id, unpack(asked.fields))
redis.call('HSET', key('block', id), 'version', asked.next)
if undo and not is_undo then redis.call('HSET', key('block', id), 'undo', cjson.encode(undo)) end
live(key('block', id), asked.ends - now + setting.retention)
live_until(asked.ends, key('blocks'))
if asked.by ~= '' then judge(asked.by, id, asked.labels, asked.labelledAtMs) end
if asked.state == 'proposed' then
  propose(subject, id, asked.ends)
elseif proposal_of(subject) == id then
  redis.call('DEL', key('proposal', subject))
end

note_step(id, asked.taken)
if asked.isList and asked.kind == 'lift' then
  -- Its entries are over from now on; block-walk.lua tells gates, and drops them.
  end_imports(id, '')
  record_block('noted', 0, '', id, asked.taken)
elseif asked.told == 'added' then
  enforce(subject, shard, { ends = asked.ends, id = id, rule = asked.rule, action = asked.action }, asked.taken)
elseif asked.told == 'removed' then
  unenforce(subject, shard, id, asked.taken)
else
  record_block('noted', 0, '', id, asked.taken)
end
sweep(4)
return with_block('done', id)
