--[[ What waits to be told by webhook, and who tells it. All keys begin with the first one and are in its slot.

KEYS[1] prefix: then seen (ids by when they were put), inbox (ids by number), texts (id to notice, JSON), state (dropped, number,
  epoch, sequence), lead, disabled (endpoint to when), and of each endpoint due:<endpoint> (ids by when they are tried),
  of:<endpoint> (id to notice), failures:<endpoint> (id to count), and endpoints (those that have a queue)
ARGV[1] now, milliseconds since the epoch; 0 reads the clock of this server
ARGV[2] JSON: kind, and
  put: notices (each id and text), bounds (inbox, seen, seenMs, keptMs)
  inbox: most · handOut: id, endpoints, bounds (perEndpoint, keptMs)
  due: endpoint, most · remove: endpoint, id · postpone: endpoint, id, untilMs
  disable: endpoint, keptMs · enable: endpoint · disabled
  lead: holder, ttlMs · cursor · mark: epoch, sequence, keptMs · figures

Returns a list: put {how many were new}; inbox notices; due notice, failures, …; enable, lead {1 or 0}; disabled endpoints;
cursor {epoch, sequence} or {}; figures {waiting, dropped}; else {}
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local asked = cjson.decode(ARGV[2])
local function key(name) return KEYS[1] .. name end
local function whole(number) return string.format('%.0f', number) end
local function keep(name, ms) redis.call('PEXPIRE', key(name), whole(ms)) end

local function dropped(count)
  redis.call('HINCRBY', key('state'), 'dropped', count)
  keep('state', 30 * 86400000)
end

-- The oldest go: what is in `order` beyond `most` goes from the hashes, too.
local function trim(order, most, ...)
  local over = redis.call('ZCARD', key(order)) - most
  if over <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGE', key(order), 0, over - 1)) do
    redis.call('ZREM', key(order), id)
    for _, hash in ipairs({ ... }) do redis.call('HDEL', key(hash), id) end
  end
  dropped(over)
end

local commands = {}

function commands.put()
  local bounds, new = asked.bounds, 0
  redis.call('ZREMRANGEBYSCORE', key('seen'), '-inf', whole(now - bounds.seenMs))
  for _, notice in ipairs(asked.notices) do
    if not redis.call('ZSCORE', key('seen'), notice.id) then
      new = new + 1
      redis.call('ZADD', key('seen'), whole(now), notice.id)
      redis.call('ZADD', key('inbox'), redis.call('HINCRBY', key('state'), 'number', 1), notice.id)
      redis.call('HSET', key('texts'), notice.id, notice.text)
    end
  end
  if new == 0 then return { 0 } end
  local over = redis.call('ZCARD', key('seen')) - bounds.seen
  if over > 0 then
    for _, id in ipairs(redis.call('ZRANGE', key('seen'), 0, over - 1)) do redis.call('ZREM', key('seen'), id) end
  end
  trim('inbox', bounds.inbox, 'texts')
  keep('seen', bounds.seenMs)
  keep('state', 30 * 86400000)
  keep('inbox', bounds.keptMs)
  keep('texts', bounds.keptMs)
  return { new }
end

function commands.inbox()
  local texts = {}
  for _, id in ipairs(redis.call('ZRANGE', key('inbox'), 0, asked.most - 1)) do
    texts[#texts + 1] = redis.call('HGET', key('texts'), id) or nil
  end
  return texts
end

function commands.handOut()
  local text = redis.call('HGET', key('texts'), asked.id)
  if not text then return {} end
  redis.call('ZREM', key('inbox'), asked.id)
  redis.call('HDEL', key('texts'), asked.id)
  for _, endpoint in ipairs(asked.endpoints) do
    redis.call('ZADD', key('due:' .. endpoint), whole(now), asked.id)
    redis.call('HSET', key('of:' .. endpoint), asked.id, text)
    redis.call('HSET', key('endpoints'), endpoint, whole(now))
    trim('due:' .. endpoint, asked.bounds.perEndpoint, 'of:' .. endpoint, 'failures:' .. endpoint)
    keep('due:' .. endpoint, asked.bounds.keptMs)
    keep('of:' .. endpoint, asked.bounds.keptMs)
    keep('endpoints', asked.bounds.keptMs)
  end
  return {}
end

function commands.due()
  local found = {}
  local due = key('due:' .. asked.endpoint)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', whole(now), 'LIMIT', 0, asked.most)) do
    local text = redis.call('HGET', key('of:' .. asked.endpoint), id)
    if text then
      found[#found + 1] = text
      found[#found + 1] = tonumber(redis.call('HGET', key('failures:' .. asked.endpoint), id) or '0')
    end
  end
  return found
end

function commands.remove()
  redis.call('ZREM', key('due:' .. asked.endpoint), asked.id)
  redis.call('HDEL', key('of:' .. asked.endpoint), asked.id)
  redis.call('HDEL', key('failures:' .. asked.endpoint), asked.id)
  return {}
end

function commands.postpone()
  local due, failures = 'due:' .. asked.endpoint, 'failures:' .. asked.endpoint
  if not redis.call('ZSCORE', key(due), asked.id) then return {} end
  redis.call('ZADD', key(due), whole(asked.untilMs), asked.id)
  redis.call('HINCRBY', key(failures), asked.id, 1)
  local left = redis.call('PTTL', key('of:' .. asked.endpoint))
  if left > 0 then keep(failures, left) end
  return {}
end

function commands.disable()
  redis.call('HSET', key('disabled'), asked.endpoint, whole(now))
  keep('disabled', asked.keptMs)
  return {}
end

function commands.enable()
  return { redis.call('HDEL', key('disabled'), asked.endpoint) }
end

function commands.disabled()
  return redis.call('HKEYS', key('disabled'))
end

function commands.lead()
  -- Kept with its end: in log time the key outlives it.
  local ends, leader = string.match(redis.call('GET', key('lead')) or '0 ', '^(%d+) (.*)$')
  if leader ~= asked.holder and tonumber(ends) > now then return { 0 } end
  redis.call('PSETEX', key('lead'), whole(math.max(3600000, asked.ttlMs)), whole(now + asked.ttlMs) .. ' ' .. asked.holder)
  return { 1 }
end

function commands.cursor()
  local epoch, sequence = unpack(redis.call('HMGET', key('state'), 'epoch', 'sequence'))
  return epoch and { epoch, sequence } or {}
end

function commands.mark()
  redis.call('HSET', key('state'), 'epoch', asked.epoch, 'sequence', whole(asked.sequence))
  keep('state', asked.keptMs)
  return {}
end

function commands.figures()
  local waiting = 0
  for _, endpoint in ipairs(redis.call('HKEYS', key('endpoints'))) do
    waiting = waiting + redis.call('ZCARD', key('due:' .. endpoint))
  end
  return { waiting, tonumber(redis.call('HGET', key('state'), 'dropped') or '0') }
end

return commands[asked.kind]()
