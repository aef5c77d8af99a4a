--[[ Where blocks are found: sorted sets of their orders of making, so that no page of a listing reads more than it shows.
Behind block-list.lua, before block-blocks.lua. A block is in one part: of its state, whether it is judged, the kind of its
subject, its origin and its rule. Three letters and two names of a part say which. What is stored as active and over is in
the part of expired ones from when a write or a listing has come across it.

Keys behind the prefix, members are orders of making as nine digits of base 36, so that equal scores are in that order:
parts: "<state><judged><kind><origin> <rule>" of parts that have been used (set)
x:<part>:o, :e, :d: by order, by end in milliseconds, by denied decisions or -1 (sorted sets)
assigned, assigned:<name>, tenant:<name>: by order (sorted sets)
about:<bucket>: "<digest of subject><member>" (sorted set, all 0)

Returns nothing: the script goes on in another file
]]
local state_letters = {
  shadow = 's', proposed = 'p', active = 'a', confirmed = 'c', lifted = 'l', expired = 'x', superseded = 'u',
}
local open_letters = { p = true, a = true, c = true }
local kind_letters = { ip = 'i', network = 'n', key = 'k', user = 'u' }
local origin_letters = { detector = 'd', person = 'p', list = 'l' }
local sorts = { 'o', 'e', 'd' }
-- So many orders there never are.
local member_digits = '0123456789abcdefghijklmnopqrstuvwxyz'
local subject_buckets = 16384
local index_ttl = 400 * day

local function member_of(order)
  local text, left = '', tonumber(order)
  for _ = 1, 9 do
    local digit = left % 36
    text = string.sub(member_digits, digit + 1, digit + 1) .. text
    left = (left - digit) / 36
  end
  return text
end
local function order_of(member) return tonumber(member, 36) end
local function id_of(member)
  local order = whole(order_of(member))
  return redis.call('ZRANGEBYSCORE', key('blocks'), order, order)[1]
end

local function part_key(part, sort) return key('x', part, sort) end
local function keep_index(name)
  if redis.call('PTTL', name) < index_ttl - day then redis.call('PEXPIRE', name, whole(index_ttl)) end
end
local function put_index(name, score, member)
  redis.call('ZADD', name, score, member)
  keep_index(name)
end

-- Which bucket and which digest a subject has.
local function about_of(subject)
  local tenant = type(subject.tenant) == 'string' and subject.tenant or ''
  local digest = redis.sha1hex(tenant .. '\0' .. subject.kind .. '\0' .. subject.id)
  return key('about', whole(tonumber(string.sub(digest, 1, 8), 16) % subject_buckets)), string.sub(digest, 9, 18)
end

local function tenants_of(fixed)
  local tenants = {}
  for _, tenant in ipairs({ fixed.tenant or '', type(fixed.subject.tenant) == 'string' and fixed.subject.tenant or '' }) do
    if tenant ~= '' and tenant ~= tenants[1] then tenants[#tenants + 1] = tenant end
  end
  return tenants
end

-- Which parts of a rule there may be of blocks of one kind and origin.
local function parts_of(fixed)
  local parts, rest = {}, (kind_letters[fixed.subject.kind] or '-') .. (origin_letters[fixed.origin] or '-') .. ' ' .. fixed.rule
  for _, letter in pairs(state_letters) do
    for _, judged in ipairs({ '0', '1' }) do parts[#parts + 1] = letter .. judged .. rest end
  end
  return parts
end

local function leave_part(part, member)
  if redis.call('ZREM', part_key(part, 'o'), member) == 0 then return end
  redis.call('ZREM', part_key(part, 'e'), member)
  redis.call('ZREM', part_key(part, 'd'), member)
end

local function enter_part(part, member, ends, denied)
  redis.call('SADD', key('parts'), part)
  keep_index(key('parts'))
  put_index(part_key(part, 'o'), whole(order_of(member)), member)
  put_index(part_key(part, 'e'), ends, member)
  put_index(part_key(part, 'd'), denied, member)
end

-- Puts a block where it is found, as it is stored now. Doing it twice is doing it once.
local function index_block(id, order, is_new)
  order = order or redis.call('ZSCORE', key('blocks'), id)
  local stored = redis.call('HMGET', key('block', id), 'fixed', 'state', 'expiresAtMs', 'label', 'assignee')
  if not order or not stored[1] then return nil end
  local fixed, member = cjson.decode(stored[1]), member_of(order)
  if is_new then
    local bucket, digest = about_of(fixed.subject)
    put_index(bucket, 0, digest .. member)
    for _, tenant in ipairs(tenants_of(fixed)) do put_index(key('tenant', tenant), whole(order), member) end
  else
    for _, part in ipairs(parts_of(fixed)) do leave_part(part, member) end
  end
  local letter = state_letters[stored[2]] or '-'
  if open_letters[letter] and tonumber(stored[3]) <= now then letter = 'x' end
  local judged = (stored[4] and stored[4] ~= '') and '1' or '0'
  local part = letter .. judged .. (kind_letters[fixed.subject.kind] or '-') .. (origin_letters[fixed.origin] or '-')
  local denied = type(fixed.evidence) == 'table' and fixed.evidence.denied or -1
  enter_part(part .. ' ' .. fixed.rule, member, stored[3], whole(denied))
  if stored[5] and stored[5] ~= '' then
    put_index(key('assigned'), whole(order), member)
    put_index(key('assigned', stored[5]), whole(order), member)
  end
  return fixed, order, stored
end

-- Before its assignee is another one.
local function unassign(id, member)
  local assignee = redis.call('HGET', key('block', id), 'assignee')
  if not assignee or assignee == '' then return end
  redis.call('ZREM', key('assigned'), member)
  redis.call('ZREM', key('assigned', assignee), member)
end

-- Takes a block out of the listing, whether it is still stored or not.
local function unlist_block(id)
  local order = redis.call('ZSCORE', key('blocks'), id)
  if not order then return end
  local member, text = member_of(order), redis.call('HGET', key('block', id), 'fixed')
  redis.call('ZREM', key('blocks'), id)
  if not text then
    for _, part in ipairs(redis.call('SMEMBERS', key('parts'))) do leave_part(part, member) end
    return
  end
  local fixed = cjson.decode(text)
  for _, part in ipairs(parts_of(fixed)) do leave_part(part, member) end
  unassign(id, member)
  local bucket, digest = about_of(fixed.subject)
  redis.call('ZREM', bucket, digest .. member)
  for _, tenant in ipairs(tenants_of(fixed)) do redis.call('ZREM', key('tenant', tenant), member) end
end

-- Moves some that are over by now to where they belong, and drops some whose block is no more.
local function tidy_part(part, most)
  local is_open = open_letters[string.sub(part, 1, 1)]
  local until_ms = whole(is_open and now or now - setting.retention)
  local over = redis.call('ZRANGEBYSCORE', part_key(part, 'e'), '-inf', until_ms, 'WITHSCORES', 'LIMIT', 0, most)
  for index = 1, #over, 2 do
    local member = over[index]
    local denied = redis.call('ZSCORE', part_key(part, 'd'), member) or '-1'
    if is_open then
      leave_part(part, member)
      enter_part('x' .. string.sub(part, 2), member, over[index + 1], denied)
    else
      local id = id_of(member)
      if id and redis.call('EXISTS', key('block', id)) == 0 then
        unlist_block(id)
      elseif not id then
        leave_part(part, member)
      else
        return index - 1
      end
    end
  end
  return #over / 2
end

-- A bounded part of that with each write: of one part, taken at random.
local function tidy_index(most)
  local part = redis.call('SRANDMEMBER', key('parts'))
  if part then tidy_part(part, most) end
end
