--[[ What every script of the block list begins with: the time, the place in the change log, and blocks.
Scripts derive their keys from a prefix, since which ones they need depends on what they find. All keys are in one slot. The
prefix is declared as a key, and no key is ever there: while the slot moves to another node, Redis answers TRYAGAIN instead
of running a script that would find one half of the list.

KEYS[1] prefix of all keys of the list
KEYS[2] list: epoch, replication, run, start, sequence, packed, order, relayed, swept (hash)
ARGV[1] JSON: now (milliseconds since the epoch; 0 reads the clock of this server), token (name of the epoch, should one
  begin), leastTtl (least time that a written key lives, milliseconds: log time is not wall time), retention (how long
  blocks are kept after their end, milliseconds), maxChanges, maxPacked (entries in all changes kept), maxBlocks (listed; of
  those that leave the listing each is kept for an hour, or until its end), maxSteps (kept of one block)

Other keys, behind the prefix:
changes: change log (stream, ids are <sequence>-0; k kind, t time, n entries, p what gates need, b block, a what the audit needs, s what a person did)
blocks: id by order of making (sorted set); block:<id>: state, version, … (hash); verdict:<id>: what became of it (string)
steps:<id>: what people did to a block, JSON texts, oldest first (list)

Returns nothing: the script goes on in another file
]]
local prefix, list = KEYS[1], KEYS[2]
local setting = cjson.decode(ARGV[1])
local hour, day = 3600000, 86400000
local now = setting.now
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function whole(number) return string.format('%.0f', number) end
local function key(...) return prefix .. table.concat({ ... }, ':') end

-- The key lives at least so long from now on. EXPIRE … GT would do, from Redis 7 on.
local function live(name, ms)
  ms = math.max(ms, setting.leastTtl, 1)
  if redis.call('PTTL', name) < ms then redis.call('PEXPIRE', name, whole(ms)) end
end

-- Something is in force until then: what all share must not be gone before.
local function live_until(at, ...)
  for _, name in ipairs({ list, ... }) do live(name, at - now + setting.retention) end
end

-- Names servers and histories of writes; a user without the right to ask gets an error, which is no string.
local function info(section, ...)
  local text = redis.pcall('INFO', section)
  local found = {}
  for index, field in ipairs({ ... }) do
    found[index] = type(text) == 'string' and string.match(text, field .. ':(%x+)') or ''
  end
  return unpack(found)
end

-- sequence: of the newest change. start: of the last change before this epoch, whose changes count from 1.
local place = {}
local function begin_epoch(replication, relayed)
  place.epoch = setting.token
  -- What no relay has told of the epoch before is told in this one.
  place.start = math.min(tonumber(relayed) or 0, place.sequence)
  redis.call('HSET', list, 'epoch', place.epoch, 'replication', replication, 'run', info('server', 'run_id'),
    'start', whole(place.start))
  live_until(now)
end

do
  local known = redis.call('HMGET', list, 'epoch', 'replication', 'run', 'start', 'sequence', 'relayed')
  local replication, before = info('replication', 'master_replid', 'master_replid2')
  place = { epoch = known[1], start = tonumber(known[4] or '0'), sequence = tonumber(known[5] or '0') }
  place.replication, place.relayed = replication, tonumber(known[6] or '0')
  if not known[1] then
    begin_epoch(replication, known[6])
  elseif replication ~= '' and replication ~= known[2] then
    -- Another history of writes: a replica was promoted, or the server restarted, and the last ones may be gone. The same
    -- process with nothing before it has only been given its first replica.
    local is_same = string.match(before, '^0*$') and known[3] ~= '' and known[3] == info('server', 'run_id')
    if is_same then
      redis.call('HSET', list, 'replication', replication)
    else
      begin_epoch(replication, known[6])
    end
  end
end

local function told_sequence() return place.sequence - place.start end

local function forget_oldest_change()
  local oldest = redis.call('XRANGE', key('changes'), '-', '+', 'COUNT', 1)[1]
  if not oldest then return 0 end
  redis.call('XDEL', key('changes'), oldest[1])
  -- The third pair of every record.
  return tonumber(oldest[2][6])
end

-- One change: its kind, the number of entries in it, and the fields behind that.
local function record(kind, entries, ...)
  place.sequence = redis.call('HINCRBY', list, 'sequence', 1)
  redis.call('XADD', key('changes'), whole(place.sequence) .. '-0', 'k', kind, 't', whole(now), 'n', entries, ...)
  local packed = tonumber(redis.call('HGET', list, 'packed') or '0') + entries
  local length = redis.call('XLEN', key('changes'))
  while length > 1 and (length > setting.maxChanges or packed > setting.maxPacked) do
    packed = packed - forget_oldest_change()
    length = length - 1
  end
  redis.call('HSET', list, 'packed', whole(math.max(0, packed)))
  live_until(now, key('changes'))
end

local function block_field(id, field) return redis.call('HGET', key('block', id), field) end

-- What the audit needs of a block as it is now; the rest never changes and is read from the block.
local function told_block(id)
  return cjson.encode(redis.call('HMGET', key('block', id), 'state', 'version', 'blockedAtMs', 'expiresAtMs',
    'strikes', 'reason', 'actor', 'action', 'assignee', 'label'))
end

-- `taken`: what a person did to it, JSON text.
local function record_block(kind, entries, payload, id, taken)
  local audit = told_block(id)
  if taken then
    record(kind, entries, 'p', payload, 'b', id, 'a', audit, 's', taken)
  else
    record(kind, entries, 'p', payload, 'b', id, 'a', audit)
  end
end

local function is_open(id)
  local state, ends = unpack(redis.call('HMGET', key('block', id), 'state', 'expiresAtMs'))
  return (state == 'proposed' or state == 'active' or state == 'confirmed') and tonumber(ends) > now
end

-- Of the oldest one that has ended leaves the listing, or else the oldest.
local function list_block(id)
  redis.call('ZADD', key('blocks'), redis.call('HINCRBY', list, 'order', 1), id)
  if redis.call('ZCARD', key('blocks')) <= setting.maxBlocks then return end
  local oldest = redis.call('ZRANGE', key('blocks'), 0, 19)
  local leaves = oldest[1]
  for _, old in ipairs(oldest) do
    if not is_open(old) then
      leaves = old
      break
    end
  end
  redis.call('ZREM', key('blocks'), leaves)
  -- Nobody counts what is in shadow or proposed: a flood of clients must not fill the server with them for weeks. Whoever
  -- publishes the change log still needs it for a while.
  local left = tonumber(redis.call('HGET', key('block', leaves), 'expiresAtMs') or '0') - now
  local ttl = whole(math.max(left, hour, setting.leastTtl))
  redis.call('PEXPIRE', key('block', leaves), ttl)
  redis.call('PEXPIRE', key('steps', leaves), ttl)
end

local function keep_block(id, ends, ...)
  redis.call('HSET', key('block', id), 'version', 1, 'blockedAtMs', whole(now), 'expiresAtMs', whole(ends), ...)
  live(key('block', id), ends - now + setting.retention)
  list_block(id)
  live_until(ends, key('blocks'))
end

-- The last step of a block that something else changes cannot be taken back any more.
local function change_block(id, ...)
  local name = key('block', id)
  if redis.call('HEXISTS', name, 'made') == 0 then
    local made = redis.call('HMGET', name, 'blockedAtMs', 'expiresAtMs', 'state', 'action', 'reason', 'actor')
    redis.call('HSET', name, 'made', cjson.encode(made))
  end
  redis.call('HDEL', name, 'undo')
  redis.call('HSET', name, ...)
  redis.call('HINCRBY', key('block', id), 'version', 1)
end

-- One more step in the history of a block, as it is now. Steps live as long as the block.
local function note_step(id, taken)
  local name = key('steps', id)
  local left = redis.call('HMGET', key('block', id), 'version', 'state', 'expiresAtMs', 'action', 'assignee')
  left[5] = left[5] or ''
  redis.call('RPUSH', name, '[' .. whole(now) .. ',' .. taken .. ',' .. cjson.encode(left) .. ']')
  redis.call('LTRIM', name, -setting.maxSteps, -1)
  redis.call('PEXPIRE', name, whole(math.max(1, redis.call('PTTL', key('block', id)))))
end

-- {first, then the fields and values of the block}
local function with_block(first, id)
  local reply = { first, id }
  for _, value in ipairs(redis.call('HGETALL', key('block', id))) do reply[#reply + 1] = value end
  return reply
end
