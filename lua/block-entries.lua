--[[ Entries of the block list, and who is protected from it. Behind block-blocks.lua, before the script itself.
Entries lie in shards small enough that Redis keeps each as one packed list; the caller says which. An expiry is part of the
entry: each write looks at some shards and drops what is over.

Keys behind the prefix:
e:<shard>: subject -> "<end, base 36> <block id> <rule>[ <limit>/<window ms>]", or of a list "~<import>" (hash)
shards: which of them are there (bitmap)
terms: import -> JSON { id, rule, action, ends, gone } of the list's block (hash)
allow: subject -> JSON { key (as in these keys), sender, subject, kind, untilMs, actor, note } (hash)
senders: "[<tenant>/]<identity as in i:>" -> subject, of those in allow that are a key or a user (hash)
tombstone:<subject>: until when, milliseconds (string); buried: there while there may be any (string)
proposal:<subject>: "<end, milliseconds> <block id>" of the open proposal (string)
strikes:<subject>: block id by end of the strike, milliseconds (sorted set)
inside: "<sort key> a<subject>" of allow entries and "<sort key> t<subject>" of tombstones of addresses (sorted set, all 0)

Returns nothing: the script goes on in another file
]]
local function base36(number)
  local text = ''
  repeat
    local digit = number % 36
    text = string.sub(member_digits, digit + 1, digit + 1) .. text
    number = (number - digit) / 36
  until number == 0
  return text
end

local known_terms = {}
-- Of an import, also of one that is over; nil: nobody knows it any more.
local function terms_of(import)
  if known_terms[import] == nil then
    local text = redis.call('HGET', key('terms'), import)
    known_terms[import] = text and cjson.decode(text) or false
  end
  return known_terms[import] or nil
end

local function line_of(entry)
  local line = base36(entry.ends) .. ' ' .. entry.id .. ' ' .. entry.rule
  return entry.action == 'refuse' and line or line .. ' ' .. entry.action
end

-- What a line says, whether it is over or not; nil: of an import that nobody knows any more.
local function entry_of(line)
  local import = string.match(line, '^~(.+)$')
  if import then
    local terms = terms_of(import)
    if not terms then return nil end
    return { ends = terms.ends, id = terms.id, rule = terms.rule, action = terms.action, gone = terms.gone, import = import }
  end
  local ends, id, rule, action = string.match(line, '^(%w+) (%S+) (%S+) ?(%S*)$')
  return { ends = tonumber(ends, 36), id = id, rule = rule, action = action == '' and 'refuse' or action }
end

local function in_force(entry) return entry ~= nil and not entry.gone and entry.ends > now end

local function shard_key(shard) return prefix .. 'e:' .. whole(shard) end

local function entry_at(subject, shard)
  local line = redis.call('HGET', shard_key(shard), subject)
  local entry = line and entry_of(line) or nil
  return in_force(entry) and entry or nil
end

local function mark_shard(shard, is_used) redis.call('SETBIT', key('shards'), shard, is_used and 1 or 0) end

local function put_entry(subject, shard, entry)
  redis.call('HSET', shard_key(shard), subject, line_of(entry))
  mark_shard(shard, true)
  live(shard_key(shard), entry.ends - now)
  live_until(entry.ends, key('shards'))
end

local function drop_entries(shard, subjects)
  if #subjects == 0 then return end
  -- Lua gives a call some 8000 values at most: ids that are chosen to lie in one shard must not stop every sweep.
  for from = 1, #subjects, 1000 do
    redis.call('HDEL', shard_key(shard), unpack(subjects, from, math.min(#subjects, from + 999)))
  end
  if redis.call('EXISTS', shard_key(shard)) == 0 then mark_shard(shard, false) end
end

-- Calls `visit` for shards that are used, from this one on, until it says that it is enough. The next one, or nil.
local function each_shard(from, visit)
  local used = redis.call('GET', key('shards')) or ''
  local at = math.floor(from / 8)
  while at < #used do
    local byte = string.byte(used, at + 1)
    for bit = (at * 8 < from) and from % 8 or 0, byte == 0 and -1 or 7 do
      if math.floor(byte / 2 ^ (7 - bit)) % 2 == 1 and visit(at * 8 + bit) then return at * 8 + bit + 1 end
    end
    at = at + 1
  end
  return nil
end

-- Drops of a shard what is over. Removals that gates cannot know of by themselves are returned:
-- subject, block id, subject, block id, …; then how many entries there were.
local function tidy_shard(shard)
  local over, removed = {}, {}
  local flat = redis.call('HGETALL', shard_key(shard))
  for index = 1, #flat, 2 do
    local entry = entry_of(flat[index + 1])
    if not in_force(entry) then
      over[#over + 1] = flat[index]
      if entry and entry.ends > now then
        removed[#removed + 1] = flat[index]
        removed[#removed + 1] = entry.id
      end
    end
  end
  drop_entries(shard, over)
  if #flat == 0 then mark_shard(shard, false) end
  return removed, #flat / 2
end

-- A bounded sweep with each write, from where the last one ended.
local function sweep(shards)
  local removed = {}
  local next_shard = each_shard(tonumber(redis.call('HGET', list, 'swept') or '0'), function(shard)
    for _, value in ipairs(tidy_shard(shard)) do removed[#removed + 1] = value end
    shards = shards - 1
    return shards <= 0
  end)
  redis.call('HSET', list, 'swept', whole(next_shard or 0))
  tidy_index(20)
  if #removed > 0 then record_block('removed', #removed / 2, cjson.encode(removed), removed[2]) end
end

-- The entry in force that hits the subject: its own, or of a network around it. `around`: subject, shard, own first.
local function entry_around(around)
  for _, one in ipairs(around) do
    local entry = entry_at(one[1], one[2])
    if entry then return entry end
  end
  return nil
end

local function allow_from(text)
  local allow = text and cjson.decode(text) or nil
  return allow and allow.untilMs > now and allow or nil
end
local function allow_of(subject) return allow_from(redis.call('HGET', key('allow'), subject)) end

-- Ends of tombstones are the keys' own; in log time the key may be there longer than it holds.
local function tombstone_from(text)
  local ends = tonumber(text or '0')
  return ends > now and ends or nil
end
local function tombstone_of(subject) return tombstone_from(redis.call('GET', key('tombstone', subject))) end

-- Calls `visit` with what each of the subjects around has under this name: one command instead of one for each.
local function each_around(around, name, visit)
  local names = {}
  for index, one in ipairs(around) do names[index] = name == 'allow' and one[1] or key(name, one[1]) end
  local texts = name == 'allow' and redis.call('HMGET', key('allow'), unpack(names)) or redis.call('MGET', unpack(names))
  for index = 1, #around do visit(texts[index]) end
end

-- The allow entry or the end of the tombstone that a member of `inside` stands for; forgets a member of nothing.
local function held_of(member)
  local what, subject = string.match(member, '^[^/]*//?%x+ (%a)(.*)$')
  local held = nil
  if what == 'a' then held = allow_of(subject) else held = tombstone_of(subject) end
  if not held then redis.call('ZREM', key('inside'), member) end
  return held, what, subject
end

-- Calls `visit` for each protection in force inside the ranges until it returns something, and forgets those that are over.
local function each_inside(ranges, visit)
  for _, range in ipairs(ranges) do
    local from = '[' .. range.from
    while from do
      local members = redis.call('ZRANGEBYLEX', key('inside'), from, '[' .. range.to .. '\255', 'LIMIT', 0, 100)
      for _, member in ipairs(members) do
        local held, what, subject = held_of(member)
        local found = held and visit(what, held, subject)
        if found then return found end
      end
      from = #members == 100 and '(' .. members[100] or nil
    end
  end
  return nil
end

-- Which of these holds for all or for a part of a subject, or nil: allow-list, canary, tombstone, in this order. `senders`,
-- where given, visits the allow entries of those behind an address.
local function protection(around, inside, senders)
  local found = {}
  local function note(what, held)
    local reason = what == 't' and 'tombstone' or (held.kind == 'canary' and 'canary' or 'allow-list')
    found[reason] = found[reason] or held
    return found['allow-list']
  end
  each_around(around, 'allow', function(text)
    local allow = allow_from(text)
    if allow then note('a', allow) end
  end)
  if not found['allow-list'] and redis.call('EXISTS', key('inside')) == 1 then
    each_inside(inside, note)
  end
  if senders and not found['allow-list'] then senders(note) end
  if not found['allow-list'] then
    each_around(around, 'tombstone', function(text)
      local ends = tombstone_from(text)
      if ends then note('t', ends) end
    end)
  end
  for _, reason in ipairs({ 'allow-list', 'canary', 'tombstone' }) do
    if found[reason] then return reason, found[reason] end
  end
  return nil
end

local function protect(what, subject, sort_key, ends)
  if sort_key == '' then return end
  redis.call('ZADD', key('inside'), 0, sort_key .. ' ' .. what .. subject)
  live_until(ends, key('inside'))
  -- Those that are over go in time: each that comes looks at a few that are there.
  for _, member in ipairs(redis.call('ZRANDMEMBER', key('inside'), 4)) do held_of(member) end
end

local function bury(subject, sort_key, ms)
  redis.call('SET', key('tombstone', subject), whole(now + ms))
  live(key('tombstone', subject), ms)
  redis.call('SETNX', key('buried'), 1)
  live(key('buried'), ms)
  protect('t', subject, sort_key, now + ms)
end

local function proposal_from(text)
  local ends, id = string.match(text or '0 -', '^(%d+) (.+)$')
  return tonumber(ends) > now and id or nil
end
local function proposal_of(subject) return proposal_from(redis.call('GET', key('proposal', subject))) end

-- The first that is open, of the subject or of a network around it.
local function proposal_around(around)
  local found = nil
  each_around(around, 'proposal', function(text) found = found or proposal_from(text) end)
  return found
end

local function propose(subject, id, ends)
  redis.call('SET', key('proposal', subject), whole(ends) .. ' ' .. id)
  live(key('proposal', subject), ends - now)
end

-- How many strikes of a subject count.
local function strikes_of(subject)
  redis.call('ZREMRANGEBYSCORE', key('strikes', subject), '-inf', whole(now))
  return redis.call('ZCARD', key('strikes', subject))
end

local function strike(subject, id, ttl)
  redis.call('ZADD', key('strikes', subject), whole(now + ttl), id)
  live(key('strikes', subject), ttl)
end

-- Ends all imports of a list but this one. Returns how many.
local function end_imports(id, but)
  local ended = 0
  local all = redis.call('HGETALL', key('terms'))
  for index = 1, #all, 2 do
    local terms = cjson.decode(all[index + 1])
    if terms.ends <= now then
      redis.call('HDEL', key('terms'), all[index])
    elseif terms.id == id and all[index] ~= but then
      terms.gone = true
      redis.call('HSET', key('terms'), all[index], cjson.encode(terms))
      ended = ended + 1
    end
  end
  known_terms = {}
  return ended
end

-- Ends the block and the proposal of a subject for one that takes their place. The entry is about to be overwritten.
local function supersede(subject, shard, by, change)
  local entry = entry_at(subject, shard)
  local ids = { entry and not entry.import and entry.id or '', proposal_of(subject) or '' }
  for _, id in ipairs(ids) do
    if id ~= '' and id ~= by and is_open(id) then
      change_block(id, 'state', 'superseded', 'reason', change.reason, 'actor', change.actor)
      note_step(id, change.taken)
      record_block('noted', 0, '', id, change.taken)
    end
  end
  redis.call('DEL', key('proposal', subject))
end

-- Gates enforce the block from now on, or with another end or action.
local function enforce(subject, shard, entry, taken)
  put_entry(subject, shard, entry)
  record_block('added', 1, cjson.encode({ line_of(entry), subject }), entry.id, taken)
end

-- An ended block takes its entry along, where the entry is still its own.
local function unenforce(subject, shard, id, taken)
  local entry = entry_at(subject, shard)
  if entry and entry.id == id then drop_entries(shard, { subject }) end
  record_block('removed', 1, cjson.encode({ subject, id }), id, taken)
end
