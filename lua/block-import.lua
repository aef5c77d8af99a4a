--[[ One step of importing a list. Behind block-list.lua and block-entries.lua.
All entries of one import share its terms. `begin` makes the block of the list and the terms; `put` writes some entries;
`finish` ends what earlier imports of the list have left, all at once, and block-walk.lua tells gates and drops it.

ARGV[2] JSON: step, id (of the list's block), and
  begin: rule, fixed, ends, action, actor, reason, taken (what the person does, JSON text)
  put: import (from begin), shards (each: its number, then subjects), guards (subject -> around, inside; what is not in it
    has only itself to look for)
  finish: import

Returns {import, prefix lengths of networks that are protected} of begin, {added, renewed, refused, shadowed, then of at most 20 refused
the subject and by what} of put,
{imports ended} of finish; {superseded} when another import of the same list has begun
]]
local asked = cjson.decode(ARGV[2])
local id = asked.id
if asked.step ~= 'begin' and block_field(id, 'import') ~= asked.import then return { 'superseded' } end

-- Prefix lengths of allowed networks and of those with a tombstone, as they stand at the end of a network's name.
local function protected_lengths()
  local lengths, seen = {}, {}
  each_inside({ { from = '', to = '\255' } }, function(_, _, subject)
    local length = string.match(subject, '^network:[^/]*/(%d+)$') or string.match(subject, '/network:[^/]*/(%d+)$')
    if length and not seen[length] then
      seen[length] = true
      lengths[#lengths + 1] = length
    end
  end)
  return lengths
end

if asked.step == 'begin' then
  local import = base36(redis.call('HINCRBY', list, 'imports', 1))
  local terms = { id = id, rule = asked.rule, action = asked.action, ends = asked.ends }
  redis.call('HSET', key('terms'), import, cjson.encode(terms))
  live_until(asked.ends, key('terms'))
  local fields = { 'fixed', asked.fixed, 'state', 'active', 'strikes', 0, 'reason', asked.reason, 'actor', asked.actor,
    'action', asked.action, 'identities', '', 'strikeTtlMs', 0, 'import', import, 'assignee', '', 'label', '' }
  if redis.call('EXISTS', key('block', id)) == 1 then
    change_block(id, 'expiresAtMs', whole(asked.ends), unpack(fields))
    live(key('block', id), asked.ends - now + setting.retention)
    if not redis.call('ZSCORE', key('blocks'), id) then list_block(id) end
    note_step(id, asked.taken)
  else
    keep_block(id, asked.ends, unpack(fields))
  end
  record_block('noted', 0, '', id, asked.taken)
  return { import, unpack(protected_lengths()) }
end

if asked.step == 'finish' then return { end_imports(id, asked.import) } end

local terms = terms_of(asked.import)
if not terms or terms.gone then return { 'superseded' } end
local counts = { added = 0, renewed = 0, refused = 0, shadowed = 0 }
local is_guarded = redis.call('EXISTS', key('allow')) == 1 or redis.call('EXISTS', key('inside')) == 1
  or redis.call('EXISTS', key('buried')) == 1
local told, refused = { line_of(terms) }, {}

local function fate_of(subject, line)
  local guard = is_guarded and (asked.guards[subject] or { around = { { subject } }, inside = {} })
  local by = guard and protection(guard.around, guard.inside)
  if by then
    if #refused < 40 then refused[#refused + 1], refused[#refused + 2] = subject, by end
    return 'refused'
  end
  local entry = line and entry_of(line) or nil
  if not in_force(entry) then return 'added' end
  return entry.id == id and 'renewed' or 'shadowed'
end

for _, asked_shard in ipairs(asked.shards) do
  local shard, put = asked_shard[1], {}
  local subjects = { unpack(asked_shard, 2) }
  local lines = redis.call('HMGET', shard_key(shard), unpack(subjects))
  for index, subject in ipairs(subjects) do
    local fate = fate_of(subject, lines[index])
    counts[fate] = counts[fate] + 1
    if fate == 'added' or fate == 'renewed' then
      put[#put + 1] = subject
      put[#put + 1] = '~' .. asked.import
      told[#told + 1] = subject
    end
  end
  if #put > 0 then
    redis.call('HSET', shard_key(shard), unpack(put))
    mark_shard(shard, true)
    live(shard_key(shard), terms.ends - now)
  end
end
live_until(terms.ends, key('shards'))
if #told > 1 then record_block('added', #told - 1, cjson.encode(told), id) end
return { counts.added, counts.renewed, counts.refused, counts.shadowed, unpack(refused) }
