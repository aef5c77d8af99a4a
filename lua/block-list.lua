--[[ What every script of the block list begins with: the time, the place in the change log, and blocks.
Scripts derive their keys from a prefix, since which ones they need depends on what they find. All keys are in one slot. The
prefix is declared as a key, and no key is ever there: while the slot moves to another node, Redis answers TRYAGAIN instead
of running a script that would find one half of the list.

KEYS[1] prefix of all keys of the list
KEYS[2] list: epoch, replication, run, start, sequence, packed, order, relayed, swept, and of the
  listing followed, indexed, adopted (hash)
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
  local known = redis.call('HMGET', list, 'epoch', 'replication', 'run', 'start', 'sequence', 'relayed', 'followed')
  local replication, before = info('replication', 'master_replid', 'master_replid2')
  place = { epoch = known[1], start = tonumber(known[4] or '0'), sequence = tonumber(known[5] or '0') }
  place.replication, place.relayed = replication, tonumber(known[6] or '0')
  -- nil: nothing ever listed what there is. A new list has nothing to catch up with.
  place.followed = tonumber(known[7] or (place.sequence == 0 and '0' or nil))
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
  -- What this script changed it has put into the listing: see block-index.lua.
  if place.followed == place.sequence - 1 then
    place.followed = place.sequence
    redis.call('HSET', list, 'followed', whole(place.sequence))
  end
  live_until(now, key('changes'))
end
