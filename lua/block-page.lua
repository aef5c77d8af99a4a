--[[ A part of a listing in its order, read from where blocks are found. Behind block-catch-up.lua.
Parts are merged from where the asker is, by score and then by order of making; no call looks at more than it may.

ARGV[2] JSON: sort (o | e | d), isDown, states (letters of those asked for, e.g. "pa"), judged ('0' | '1' | ''), kinds and origins
  (letters; '' is any), rule ('' is any), names (of sets that hold the orders of those asked for: each a list of which one must
  hold it), outside (a set that must not), subject (kind, id, tenant), denied (at least; not there: any), madeFrom and madeTo
  (milliseconds; not there: any), score and member (of the last one that the asker has), blocks (to return at most), most
  (candidates to look at), counts (only how many)

Returns {behind 0|1, now ms, is there more 0|1, candidates looked at, score and member of the last of them ('' where none
was), found, then for each of these its order and the fields and values of the block as one list, or nothing where it is only
counted}
]]
local asked = cjson.decode(ARGV[2])
if catch_up(200) then return { 1, now, 1, 0, '', '', 0 } end

local wants_expired = string.find(asked.states, 'x', 1, true) ~= nil

-- Whether a part is asked for, but for its state.
local function fits(judged, kind, origin, rule)
  return (asked.judged == '' or asked.judged == judged) and (asked.rule == '' or asked.rule == rule)
    and (asked.kinds == '' or string.find(asked.kinds, kind, 1, true) ~= nil)
    and (asked.origins == '' or string.find(asked.origins, origin, 1, true) ~= nil)
end
local function is_asked(part)
  local letter, judged, kind, origin, rule = string.match(part, '^(.)(.)(.)(.) (.*)$')
  return fits(judged, kind, origin, rule) and string.find(asked.states, letter, 1, true) ~= nil
end

-- Whether all of a part is asked for, or only what is over by now or is not; nil: nothing of it.
local function share_of(part)
  local letter, judged, kind, origin, rule = string.match(part, '^(.)(.)(.)(.) (.*)$')
  if not fits(judged, kind, origin, rule) then return nil end
  local is_wanted = string.find(asked.states, letter, 1, true) ~= nil
  if not open_letters[letter] then return is_wanted and 'all' or nil end
  local over = redis.call('ZCOUNT', part_key(part, 'e'), '-inf', whole(now))
  if over == 0 then return is_wanted and 'all' or nil end
  if is_wanted and wants_expired then return 'all' end
  return is_wanted and 'live' or (wants_expired and 'over' or nil)
end

-- The order of the first block that was made at or after then: they are made in the order of time.
local function order_at(ms)
  local low, high = 0, redis.call('ZCARD', key('blocks'))
  while low < high do
    local middle = math.floor((low + high) / 2)
    local id = redis.call('ZRANGE', key('blocks'), middle, middle)[1]
    local made, at = unpack(redis.call('HMGET', key('block', id), 'made', 'blockedAtMs'))
    local made_at = tonumber(made and string.match(made, '^%["(%d+)"') or at or '0')
    if made_at < ms then low = middle + 1 else high = middle end
  end
  local found = redis.call('ZRANGE', key('blocks'), low, low, 'WITHSCORES')
  return member_of(found[2] or (tonumber(redis.call('HGET', list, 'order') or '0') + 1))
end
local first_made = asked.madeFrom and order_at(asked.madeFrom)
local after_made = asked.madeTo and order_at(asked.madeTo)

-- How many members of a set come before this place.
local function rank_before(name, score, member)
  local low = redis.call('ZCOUNT', name, '-inf', '(' .. score)
  local high = low + redis.call('ZCOUNT', name, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZRANGE', name, middle, middle)[1] < member then low = middle + 1 else high = middle end
  end
  return low
end

local function open_source(part, share)
  local name = part_key(part, asked.sort)
  local low, high = 0, redis.call('ZCARD', name) - 1
  if asked.sort == 'o' then
    if first_made then low = math.max(low, rank_before(name, whole(order_of(first_made)), first_made)) end
    if after_made then high = math.min(high, rank_before(name, whole(order_of(after_made)), after_made) - 1) end
  end
  if asked.sort == 'd' and asked.denied then low = math.max(low, redis.call('ZCOUNT', name, '-inf', '(' .. whole(asked.denied))) end
  if asked.sort == 'e' and share ~= 'all' then
    local over = redis.call('ZCOUNT', name, '-inf', whole(now))
    if share == 'live' then low = math.max(low, over) else high = math.min(high, over - 1) end
  end
  if asked.score then
    local before = rank_before(name, asked.score, asked.member)
    if asked.isDown then
      high = math.min(high, before - 1)
    else
      local is_there = redis.call('ZRANGE', name, before, before)[1] == asked.member
      low = math.max(low, is_there and before + 1 or before)
    end
  end
  return { name = name, part = part, share = share, low = low, high = high, chunk = 16, at = 0, held = {} }
end

-- Keeps of the members those that are, or are not, in a set by a test of their score there.
local function sift(held, name, keeps)
  local kept = {}
  for from = 1, #held, 500 do
    local members = {}
    for index = from, math.min(#held, from + 499) do members[#members + 1] = held[index][1] end
    for offset, score in ipairs(redis.call('ZMSCORE', name, unpack(members))) do
      if keeps(score) then kept[#kept + 1] = held[from + offset - 1] end
    end
  end
  return kept
end

local function in_any(held, names)
  local found = {}
  for _, name in ipairs(names) do
    for _, one in ipairs(sift(held, key(name), function(score) return score end)) do found[one[1]] = true end
  end
  local kept = {}
  for _, one in ipairs(held) do
    if found[one[1]] then kept[#kept + 1] = one end
  end
  return kept
end

local function in_names(held)
  for _, names in ipairs(asked.names) do held = in_any(held, names) end
  if asked.outside then held = sift(held, key(asked.outside), function(score) return not score end) end
  return held
end

local function sifted(source, held)
  if source.share ~= 'all' and asked.sort ~= 'e' then
    held = sift(held, part_key(source.part, 'e'), function(ends) return (tonumber(ends) <= now) == (source.share == 'over') end)
  end
  if asked.denied and asked.sort ~= 'd' then
    held = sift(held, part_key(source.part, 'd'), function(denied) return tonumber(denied) >= asked.denied end)
  end
  if asked.sort ~= 'o' and (first_made or after_made) then
    local kept = {}
    for _, one in ipairs(held) do
      if (not first_made or one[1] >= first_made) and (not after_made or one[1] < after_made) then kept[#kept + 1] = one end
    end
    held = kept
  end
  return in_names(held)
end

local looked = 0
-- The next chunk of a source. Its last candidate is kept although it does not match: it is how far the source was read.
local function load(source)
  local size = math.min(source.chunk, source.high - source.low + 1)
  source.chunk = math.min(500, source.chunk * 4)
  if size <= 0 then
    source.held, source.at = {}, 0
    return
  end
  local from, to = source.low, source.low + size - 1
  if asked.isDown then from, to = source.high - size + 1, source.high end
  local flat, held = redis.call('ZRANGE', source.name, from, to, 'WITHSCORES'), {}
  for index = 1, #flat, 2 do held[#held + 1] = { flat[index], tonumber(flat[index + 1]), true } end
  if asked.isDown then
    source.high = from - 1
    for index = 1, math.floor(#held / 2) do held[index], held[#held + 1 - index] = held[#held + 1 - index], held[index] end
  else
    source.low = to + 1
  end
  looked = looked + #held
  local last = held[#held]
  held = sifted(source, held)
  if held[#held] ~= last then held[#held + 1] = { last[1], last[2], false } end
  source.held, source.at = held, 1
end

local function head(source)
  if source.at > #source.held or source.at == 0 then load(source) end
  return source.held[source.at]
end

local function comes_before(one, other)
  if one[2] == other[2] then
    if asked.isDown then return one[1] > other[1] end
    return one[1] < other[1]
  end
  if asked.isDown then return one[2] > other[2] end
  return one[2] < other[2]
end

local reply = { 0, now, 0, 0, '', '', 0 }
local gone = {}
local function give(member, part)
  local id = id_of(member)
  local flat = id and redis.call('HGETALL', key('block', id)) or {}
  -- A release before took it out of the listing, and knew nothing of this place.
  if not id and part then gone[#gone + 1] = { part, member } end
  if #flat == 0 then return end
  reply[#reply + 1] = order_of(member)
  reply[#reply + 1] = id
  reply[#reply + 1] = flat
end

local most_few = 1000

-- The candidate that a member is, where it is asked for; nil: it is not.
local function candidate_of(member)
  local id = id_of(member)
  local state, ends, label, fixed = unpack(id and redis.call('HMGET', key('block', id), 'state', 'expiresAtMs', 'label', 'fixed') or {})
  if not fixed then return nil end
  local letter = state_letters[state] or '-'
  if open_letters[letter] and tonumber(ends) <= now then letter = 'x' end
  -- Read like this it costs a tenth; quotes in texts are escaped, so that none of them reads like this.
  local kind, origin = string.match(fixed, '"subject":{"kind":"(%a+)"'), string.match(fixed, '"origin":"(%a+)"')
  local rule, denied = string.match(fixed, '"rule":"([^"]*)"'), tonumber(string.match(fixed, '"denied":(%d+)') or '-1')
  local judged = (label and label ~= '') and '1' or '0'
  local part = letter .. judged .. (kind_letters[kind] or '-') .. (origin_letters[origin] or '-') .. ' ' .. (rule or '')
  if not is_asked(part) or (asked.denied and denied < asked.denied) then return nil end
  if first_made and member < first_made or after_made and member >= after_made then return nil end
  return { member, asked.sort == 'e' and tonumber(ends) or asked.sort == 'd' and denied or order_of(member), true }
end

-- Some members as the only source there is.
local function source_of(members)
  local held, here = {}, asked.score and { asked.member, tonumber(asked.score) }
  for _, member in ipairs(members) do
    local candidate = candidate_of(member)
    if candidate and (not here or comes_before(here, candidate)) then held[#held + 1] = candidate end
  end
  held = in_names(held)
  table.sort(held, comes_before)
  looked = looked + #members
  return { held = held, at = 1, low = 0, high = -1, chunk = 0 }
end

-- What holds all that is asked for, where that is little; nil: nothing does.
local function few()
  local found = {}
  if asked.subject then
    local bucket, digest = about_of(asked.subject)
    local texts = redis.call('ZRANGEBYLEX', bucket, '[' .. digest, '[' .. digest .. '\255', 'LIMIT', 0, 2 * most_few)
    for index, text in ipairs(texts) do found[index] = string.sub(text, #digest + 1) end
    return found
  end
  for _, names in ipairs(asked.names) do
    local count = 0
    for _, name in ipairs(names) do count = count + redis.call('ZCARD', key(name)) end
    if count <= most_few then
      local seen = {}
      for _, name in ipairs(names) do
        for _, member in ipairs(redis.call('ZRANGE', key(name), 0, -1)) do
          if not seen[member] then found[#found + 1] = member end
          seen[member] = true
        end
      end
      return found
    end
  end
  if first_made and after_made and asked.sort ~= 'o' then
    local from, to = whole(order_of(first_made)), '(' .. whole(order_of(after_made))
    if redis.call('ZCOUNT', key('blocks'), from, to) <= most_few then
      local flat = redis.call('ZRANGEBYSCORE', key('blocks'), from, to, 'WITHSCORES')
      for index = 2, #flat, 2 do found[#found + 1] = member_of(flat[index]) end
      return found
    end
  end
  return nil
end

local members = few()
local sources = members and { source_of(members) } or {}
local is_plain = not members and #asked.names == 0 and not (asked.outside or asked.denied or first_made or after_made)

local function open_parts()
  for _, part in ipairs(redis.call('SMEMBERS', key('parts'))) do
    if open_letters[string.sub(part, 1, 1)] then tidy_part(part, 100) end
  end
  for _, part in ipairs(redis.call('SMEMBERS', key('parts'))) do
    if redis.call('EXISTS', part_key(part, 'o')) == 0 then
      redis.call('SREM', key('parts'), part)
    else
      local share = share_of(part)
      if share then sources[#sources + 1] = open_source(part, share) end
    end
  end
end

-- Those with so many denied decisions, where they are few.
local function open_most_denied()
  local count, found = 0, {}
  for _, source in ipairs(sources) do
    count = count + redis.call('ZCOUNT', part_key(source.part, 'd'), whole(asked.denied), '+inf')
  end
  if count > most_few then return end
  for _, source in ipairs(sources) do
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', part_key(source.part, 'd'), whole(asked.denied), '+inf')) do
      found[#found + 1] = member
    end
  end
  sources = { source_of(found) }
end

if not members then open_parts() end
if not members and asked.denied and asked.sort ~= 'd' then open_most_denied() end

if asked.counts and is_plain then
  for _, source in ipairs(sources) do
    local over = source.share == 'all' and 0 or redis.call('ZCOUNT', part_key(source.part, 'e'), '-inf', whole(now))
    local count = redis.call('ZCARD', source.name)
    reply[7] = reply[7] + (source.share == 'all' and count or source.share == 'live' and count - over or over)
  end
  return reply
end

local found, last = 0, nil
while true do
  local first = nil
  for index = #sources, 1, -1 do
    local candidate = head(sources[index])
    if not candidate then
      table.remove(sources, index)
    elseif not first or comes_before(candidate, head(first)) then
      first = sources[index]
    end
  end
  if not first then break end
  if found >= asked.blocks or (looked > asked.most and last) then
    reply[3] = 1
    break
  end
  last = head(first)
  first.at = first.at + 1
  if last[3] then
    found = found + 1
    if not asked.counts then give(last[1], first.part) end
  end
end
-- Not before: sources are read by their ranks.
for _, one in ipairs(gone) do leave_part(one[1], one[2]) end
reply[4], reply[7] = looked, found
if last then reply[5], reply[6] = whole(last[2]), last[1] end
return reply
