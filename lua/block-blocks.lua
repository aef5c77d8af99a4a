--[[ Single blocks: what is stored of one, and how that changes. Behind block-list.lua and block-index.lua, before the script
itself.

Returns nothing: the script goes on in another file
]]
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

local open_states = { proposed = true, active = true, confirmed = true }
local function is_open(id)
  local state, ends = unpack(redis.call('HMGET', key('block', id), 'state', 'expiresAtMs'))
  return state and open_states[state] and tonumber(ends) > now
end

-- Of the oldest one that has ended leaves the listing, or else the oldest.
local function list_block(id)
  local order = redis.call('HINCRBY', list, 'order', 1)
  redis.call('ZADD', key('blocks'), order, id)
  index_block(id, order, true)
  local indexed = redis.call('HGET', list, 'indexed') or (order == 1 and '0' or nil)
  if tonumber(indexed) == order - 1 then redis.call('HSET', list, 'indexed', order, 'adopted', order) end
  if redis.call('ZCARD', key('blocks')) <= setting.maxBlocks then return end
  local oldest = redis.call('ZRANGE', key('blocks'), 0, 19)
  local leaves = oldest[1]
  for _, old in ipairs(oldest) do
    if not is_open(old) then
      leaves = old
      break
    end
  end
  unlist_block(leaves)
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
  local order = redis.call('ZSCORE', key('blocks'), id)
  if order then unassign(id, member_of(order)) end
  redis.call('HSET', name, ...)
  redis.call('HINCRBY', name, 'version', 1)
  index_block(id)
end

-- One more step in the history of a block, as it is now. Steps live as long as the block.
local function note_step(id, taken)
  local name = key('steps', id)
  local left = redis.call('HMGET', key('block', id), 'version', 'state', 'expiresAtMs', 'action', 'assignee')
  left[5] = left[5] or ''
  if open_states[left[2]] and tonumber(left[3]) <= now then
    left[1], left[2] = whole(tonumber(left[1]) + 1), 'expired'
  end
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
